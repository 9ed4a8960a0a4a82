"""Whatever the system refuses has a line: what it was, and what to do."""

import errno
import os

import pytest

from mtl_keras.errors import InputError, WorkError
from mtl_keras.storage.refusals import CURES, as_user_error, cause, errno_of, refusal


@pytest.mark.parametrize("number", CURES, ids=errno.errorcode.get)
def test_each_has_its_words_and_a_cure_and_no_inner_name(number):
    error = OSError(number, os.strerror(number), "/data/.partial-a1_b2/model.keras")
    assert refusal(error) == cause(error) == f"{os.strerror(number)}; {CURES[number]}"
    line = str(as_user_error(error))
    assert line == f"/data/model.keras: {os.strerror(number)}; {CURES[number]}"


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *((number, InputError) for number in (errno.EACCES, errno.ENAMETOOLONG, errno.EISDIR)),
        *((number, WorkError) for number in (errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EIO)),
    ],
)
def test_a_path_is_the_users_and_a_disk_the_machines(number, kind):
    assert type(as_user_error(OSError(number, os.strerror(number)))) is kind


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("Error while serializing: I/O error: No space left on device (os error 28)", 28),
        ("Unable to open file (name = 'x', errno = 13, error message = '…')", errno.EACCES),
        ("[Errno 30] Unable to create file", errno.EROFS),
        ("/x/.partial-1/variables; Permission denied", errno.EACCES),
        ("no header (os error 9999)", None),
        ("no header", None),
    ],
)
def test_libraries_that_say_it_in_their_own_way_are_understood(message, number):
    assert errno_of(OSError(message)) == errno_of(ValueError(message)) == number


def test_what_nobody_knows_has_a_line_too():
    error = OSError(9999, "strange", b"/x/y")
    assert str(as_user_error(error)) == "/x/y: strange; try again"
    assert str(as_user_error(OSError())) == "OSError; try again"
    assert refusal(error) == ""
