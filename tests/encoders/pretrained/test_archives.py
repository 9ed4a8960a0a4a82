"""Archives of strangers: unpacked whole, or refused before they do harm."""

import io
import re
import tarfile

import pytest

from mtl_keras.encoders.pretrained import archives
from mtl_keras.encoders.pretrained.archives import unpack
from mtl_keras.errors import InputError

KINDS = {
    "symbolic link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "pipe": tarfile.FIFOTYPE,
}


def _archive(*members, mode="w:gz", format=tarfile.GNU_FORMAT):
    """Of `(name, content)`, or of ready headers."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=format) as archive:
        for member in members:
            header, content = member if isinstance(member, tuple) else (member, b"")
            if isinstance(header, str):
                header = tarfile.TarInfo(header)
                header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return io.BytesIO(file.getvalue())


def _link(kind, name="variables", target="/etc"):
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header


def _assert_refused(tmp_path, stream, message):
    folder = tmp_path / "modules" / "one"
    folder.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message) as raised:
        unpack(stream, folder)
    assert re.match(r"the archive |not a complete ", str(raised.value))
    assert "\n" not in str(raised.value)
    assert "not a whole" in message or "not a whole" not in str(raised.value)
    outside = [path for path in tmp_path.rglob("*") if folder not in path.parents]
    assert sorted(outside) == before


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_and_folders_are_unpacked(tmp_path, mode, format):
    name = "assets/" + "long" * 50 + "/vocab.txt"
    folder = tarfile.TarInfo("./variables")
    folder.type = tarfile.DIRTYPE
    unpack(_archive(folder, ("./saved_model.pb", b"graph"), (name, b"a"), mode=mode), tmp_path)
    assert (tmp_path / "saved_model.pb").read_bytes() == b"graph"
    assert (tmp_path / name).read_bytes() == b"a"
    assert (tmp_path / "variables").is_dir()


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/tmp/out", "a/.."])
def test_paths_that_leave_the_folder_are_refused(tmp_path, name):
    _assert_refused(tmp_path, _archive(("a/b", b"x"), (name, b"x")), "would write .*, elsewhere")


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_devices_are_refused(tmp_path, kind):
    stream = _archive(_link(KINDS[kind]), ("variables/passwd", b"x"))
    _assert_refused(tmp_path, stream, "'variables', neither a plain file nor a folder")


def test_too_much_is_refused_whatever_its_headers_say(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 100_000)
    message = "holds more than .* GiB, which no encoder needs"
    _assert_refused(tmp_path, _archive(("a", bytes(60_000)), ("b", bytes(60_000))), message)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    stream = _archive(*((f"{number}", b"x") for number in range(11)))
    _assert_refused(tmp_path / "many", stream, "holds more than 10 files")
    header = tarfile.TarInfo("a")
    header.size = 1 << 40  # and nothing follows
    _assert_refused(tmp_path / "said", io.BytesIO(header.tobuf() + bytes(1024)), message)
    assert not list((tmp_path / "said").rglob("a"))


def test_a_name_as_large_as_memory_is_refused(tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    _assert_refused(
        tmp_path,
        io.BytesIO(header.tobuf(tarfile.GNU_FORMAT)),
        "a header of 1,099,511,627,776 bytes",
    )


@pytest.mark.parametrize(
    "content", [b"", b"<html>please sign in</html>", b"\x1f\x8b\x08", bytes(99)]
)
def test_what_is_no_archive_is_reported(tmp_path, content):
    _assert_refused(tmp_path, io.BytesIO(content), "not a complete .tar or .tar.gz archive")


def test_an_archive_that_breaks_off_or_is_damaged_is_reported(tmp_path):
    whole = _archive(("a", bytes(range(256)) * 900)).getvalue()
    for number, part in enumerate((whole[:200], whole[:300] + b"no" + whole[302:])):
        _assert_refused(tmp_path / str(number), io.BytesIO(part), "not a complete .tar or .tar.gz")
