"""States in files: whole, checked, the last two kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies
from safetensors import safe_open
from safetensors.numpy import save_file

from mtl_keras.errors import WorkError
from mtl_keras.runs.checkpoint_files import State, StateFolder


@pytest.fixture
def states(tmp_path):
    folder = StateFolder(tmp_path / "checkpoints")
    for step in range(4):
        folder.save(State({"weight": np.full((2, 3), step, np.float32)}, {"step": step}))
    return folder


def test_the_last_two_are_kept(states):
    assert len(list(states.folder.iterdir())) == 2
    assert states.newest().facts == {"step": 3}


@pytest.mark.parametrize("place", [0, 20, 90, 200, -30, -1])
def test_one_wrong_bit_anywhere_and_the_one_before_is_taken_aloud(states, place):
    newest = sorted(states.folder.iterdir())[-1]
    content = bytearray(newest.read_bytes())
    content[place] ^= 1
    newest.write_bytes(content)
    lines = []
    assert states.newest(lines.append).facts == {"step": 2}
    assert lines == [f"{newest}: damaged: using the one before it"]


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\xff" * 4096, b"{}", None])
def test_whatever_stands_in_its_place_is_no_state(states, content):
    for path in states.folder.iterdir():
        path.write_bytes(path.read_bytes()[:-5] if content is None else content)
    lines = []
    assert states.newest(lines.append) is None
    assert len(lines) == 2


def test_a_write_that_fails_leaves_those_before(states, monkeypatch):
    def full(arrays, path, metadata):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mtl_keras.runs.checkpoint_files.write_arrays", full)
    with pytest.raises(WorkError, match="cannot be written: No space left"):
        states.save(State({}, {}))
    assert states.newest().facts == {"step": 3}
    assert len(list(states.folder.iterdir())) == 2


DTYPES = st.sampled_from([np.float32, np.float64, np.int64, np.int32, np.uint32, np.bool_])


SHAPES = numpy_strategies.array_shapes(min_dims=0)


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=5), numpy_strategies.arrays(DTYPES, SHAPES)))
def test_arrays_come_back_to_the_bit(tmp_path_factory, given):
    folder = StateFolder(tmp_path_factory.mktemp("states"))
    folder.save(State({f"x{name}": array for name, array in given.items()}, {"π": [1.0, None]}))
    state = folder.newest()
    assert state.facts == {"π": [1.0, None]}
    assert set(state.arrays) == {f"x{name}" for name in given}
    for name, expected in given.items():
        back = state.arrays[f"x{name}"]
        assert (back.dtype, back.shape, back.tobytes()) == (
            expected.dtype,
            expected.shape,
            expected.tobytes(),
        )


ZEROS = np.zeros(4, np.float32)


@pytest.mark.parametrize(
    ("arrays", "facts", "whole"),
    [
        ({"a": ZEROS}, "{}", True),
        ({"b": ZEROS}, "{}", False),
        ({"a": ZEROS.view(np.int32)}, "{}", False),
        ({"a": ZEROS.reshape(2, 2)}, "{}", False),
        ({"a": ZEROS}, "[]", False),
    ],
    ids=["same", "name", "type", "shape", "facts"],
)
def test_the_checksum_sees_names_types_shapes_and_facts(tmp_path, arrays, facts, whole):
    folder = StateFolder(tmp_path)
    folder.save(State({"a": ZEROS}, {}))
    (path,) = tmp_path.iterdir()
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    save_file(arrays, path, metadata | {"facts": facts})
    assert (folder.newest() is not None) == whole
