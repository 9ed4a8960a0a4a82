"""Changes small files of weights in many ways and opens each; run as a program of its own.

    hostile_weights.py FOLDER CASES [FIRST]

Every case ends with a line of `InputError`, or with tensors that are the bytes of the file. The
number of a case is written before it begins, so that one that ends the process has a name; it makes
the same file whenever it is run (FIRST).
"""

import io
import itertools
import json
import pickletools
import random
import re
import resource
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from support.places import CHECKPOINTS

from mtl_keras.encoders.pretrained.damage import reading
from mtl_keras.encoders.pretrained.tensor_files import Tensors, open_tensors
from mtl_keras.encoders.pretrained.torch_pickle import TorchFile
from mtl_keras.errors import InputError

TORCH = ("biobert", "finbert")  # in the two formats of PyTorch
SAFETENSORS = ("distilbert", "electra")
EVERYTHING = slice(None)
LONGEST_MESSAGE, MOST_SECONDS, MOST_MEGABYTES = 700, 10, 500
READ_UNCHANGED = 2  # tensors of a case whose description is as it was

EXTREMES = (0, 1, -1, -5, -640, 255, 65_536, 2**31 - 1, -(2**31), 10**9, -(10**9))
INTEGERS = [b"J" + struct.pack("<i", number) for number in EXTREMES]
INTEGERS += [b"\x8a\x08" + struct.pack("<q", number) for number in (2**62, -(2**62), 10**12)]
INTEGERS += [b"\x8a\xff" + b"\x7f" * 255, b"N", b"\x88", b"G" + struct.pack(">d", 1e300)]


def _builds() -> list[bytes]:
    """Set a field of the tensor on top of the stack."""
    builds = []
    for number in INTEGERS:
        pairs = [number + b"K\x01\x86", number + b"\x85"]
        for field, forms in (("offset", [number]), ("strides", pairs), ("shape", pairs)):
            item = b"X" + struct.pack("<I", len(field)) + field.encode()
            builds += [b"}" + item + form + b"sb" for form in forms]
    return builds


BUILDS = _builds()
FRAGMENTS = [
    *(b"0", b"1", b"2", b"(", b"t", b")", b"}", b"]", b"N", b"Q", b"R", b"b", b"u", b"e", b"s"),
    *(b"\x81", b"\x85", b"\x86", b"\x87", b"\x90", b"\x93", b"\x94", b"o", b".", b"\x80\xff"),
    *(b"2\x86" * 40, b"]a" * 99, b"(" * 999, b"r\xff\xff\xff\xff", b"j\xff\xff\xff\xff"),
    *(b"X\xff\xff\xff\x7f", b"\x8d" + b"\xff" * 7 + b"\0", b"\x8b\xff\xff\xff\x7f", b"}}Ns"),
    *(b"cposix\nsystem\n", b"\x8c\x05posix\x8c\x06system\x93", b"cbuiltins\neval\n)R"),
    *(b"c" + b"x" * 9999 + b"\n\n", b"cnumpy\nndarray\n", b"ctorch\nFloatStorage\n"),
    *(b"cmtl_keras.errors\nInputError\n", b"I999999\n", b"L9L\n", b"S'x'\n", b"\x95" + b"\xff" * 8),
]


def main(folder: Path, cases: int, first: int) -> None:
    changes: list[Callable] = [_torch_zip, _torch_legacy, _safetensors, _any_bytes]
    refused = 0
    for case in range(first, first + cases):
        print(case, flush=True)
        chance, began = random.Random(case), time.monotonic()
        path = changes[case % len(changes)](folder, chance)
        refused += not _opened(path, chance)
        if time.monotonic() - began > MOST_SECONDS:
            raise AssertionError(f"case {case} took more than {MOST_SECONDS} seconds")
    if _peak() > before + MOST_MEGABYTES:
        raise AssertionError(f"memory grew by {_peak() - before:.0f} MB")
    print(f"{refused} of {cases} refused")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _opened(path: Path, chance: random.Random) -> bool:
    """Whether a file was read, as it is; if it was not, a line said so."""
    compare = _compare_safetensors if path.suffix == ".safetensors" else _compare_torch
    try:
        with reading(path.name):
            arrays, opened = _arrays(path, chance)
    except InputError as error:
        if not str(error).isprintable() or not 10 < len(str(error)) < LONGEST_MESSAGE:
            raise AssertionError(f"no line: {str(error)[:1000]!r}") from error
        return False
    for name, array in arrays.items():
        if not compare(path, opened, name, array):
            raise AssertionError(f"{name!r} holds what the file does not")
    return True


def _arrays(path: Path, chance: random.Random) -> tuple[dict[str, np.ndarray], Any]:
    """Tensors that are not as in the file that was changed, and a few others."""
    if path.suffix == ".safetensors":
        tensors = open_tensors(path.parent)
        return {name: tensors.read(name, EVERYTHING) for name in tensors.shapes}, tensors
    file = TorchFile.open(path)
    names = [name for name, tensor in file.tensors.items() if tensor not in UNCHANGED]
    names += chance.sample(sorted(file.tensors), min(READ_UNCHANGED, len(file.tensors)))
    return {n: file.read(n, EVERYTHING) for n in names if file.tensors[n].shape}, file


def _compare_torch(path: Path, file: TorchFile, name: str, array: np.ndarray) -> bool:
    """Whether a zip has the numbers where its description says, and an old file has them at all."""
    if not zipfile.is_zipfile(path):
        content = path.read_bytes()
        return all(number.tobytes() in content for number in array.reshape(-1, 1))
    tensor = file.tensors[name]
    with zipfile.ZipFile(path) as archive:
        (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        with archive.open(f"{Path(pickled).parent}/data/{tensor.storage.key}") as member:
            stored = member.read()
    numbers = np.frombuffer(stored, tensor.storage.dtype)
    places = np.full(tensor.shape, tensor.offset)
    for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.strides, strict=True)):
        steps = np.arange(size) * stride
        places = places + steps.reshape([-1 if a == axis else 1 for a in range(places.ndim)])
    if array.size and not 0 <= places.min() <= places.max() < len(numbers):
        return False
    return array.shape == places.shape and array.tobytes() == numbers[places].tobytes()


def _compare_safetensors(path: Path, tensors: Tensors, name: str, array: np.ndarray) -> bool:
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    first, last = json.loads(content[8:start])[name]["data_offsets"]
    expected = content[start + first : start + last]
    return array.shape == tensors.shapes[name] and array.tobytes() == expected


def _torch_zip(folder: Path, chance: random.Random) -> Path:
    members = dict(ZIP_MEMBERS)
    pickled = next(name for name in members if name.endswith("/data.pkl"))
    change = chance.choice([_changed_pickle, _with_attributes])
    members[pickled] = change(members[pickled], chance)
    if chance.random() < 0.1:
        members.pop(chance.choice(sorted(members)))
    path = folder / "pytorch_model.bin"
    packing = chance.choice([zipfile.ZIP_STORED] * 9 + [zipfile.ZIP_DEFLATED])
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _torch_legacy(folder: Path, chance: random.Random) -> Path:
    """One of the five pickles, or the number that stands before the numbers of a storage."""
    parts = list(LEGACY_PARTS)
    part = chance.choice([0, 2, 3, 3, 3, 3, 4, 5])
    if part == 5:
        parts[5] = struct.pack("<q", chance.choice([0, 1, -1, 10**9, 2**62])) + parts[5][8:]
    else:
        change = _with_attributes if chance.random() < 0.3 else _changed_pickle
        parts[part] = change(parts[part], chance)
    path = folder / "pytorch_model.bin"
    path.write_bytes(b"".join(parts))
    return path


def _changed_pickle(content: bytes, chance: random.Random) -> bytes:
    """With a few instructions replaced, left out, repeated or put in."""
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        places = _instructions(content)
        at = chance.randrange(len(places) - 1)
        first, last = places[at], places[at + 1]
        whole = [p for p, q in itertools.pairwise(places) if content[p : p + 1] in b"KMJ" and q]
        change = chance.randrange(5)
        if change == 0 and whole:  # a whole number
            first = chance.choice(whole)
            last = places[places.index(first) + 1]
            content = content[:first] + chance.choice(INTEGERS) + content[last:]
        elif change == 1:
            content = content[:first] + content[last:]
        elif change == 2:
            other = chance.randrange(len(places) - 1)
            again = content[places[other] : places[min(other + 9, len(places) - 1)]]
            content = content[:first] + again + content[first:]
        else:
            place = chance.choice(_calls(content) if change == 3 else places)
            content = content[:place] + chance.choice(FRAGMENTS) + content[place:]
    return content


def _with_attributes(content: bytes, chance: random.Random) -> bytes:
    """Gives a tensor attributes after it was made."""
    place = chance.choice(_calls(content))
    return content[:place] + chance.choice(BUILDS) + content[place:]


def _calls(content: bytes) -> list[int]:
    """Where a function was called with arguments, as that which makes tensors."""
    places = _instructions(content)
    calls = [place for place in places if re.fullmatch(b"[^)]R", content[place - 2 : place])]
    return calls or places


def _instructions(content: bytes) -> list[int]:
    """Where instructions begin, as far as they can be read, and the end."""
    places = []
    try:
        places += [place for _, _, place in pickletools.genops(content)]
    except Exception:
        places = places or [0]
    return [*places, len(content)]


def _safetensors(folder: Path, chance: random.Random) -> Path:
    name = chance.choice(SAFETENSORS)
    content = (CHECKPOINTS / name / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    tensor = header[chance.choice(sorted(set(header) - {"__metadata__"}))]
    numbers = tensor[chance.choice(["shape", "data_offsets"])]
    if chance.random() < 0.2:
        tensor["dtype"] = chance.choice(["F16", "F64", "I8", "BOOL", "F8_E4M3", "X"])
    else:
        numbers[chance.randrange(len(numbers))] = chance.choice(
            [0, 1, 4, -1, 64, 2**31, 2**63, 2**64, 1.5, "1", None]
        )
    written = json.dumps(header).encode()
    size = len(written) + chance.choice([0] * 9 + [1, -1, 2**40])
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", size) + written + content[start:])
    return path


def _any_bytes(folder: Path, chance: random.Random) -> Path:
    """A file with a few of its bytes replaced, left out or put in, wherever they are."""
    name = chance.choice([*TORCH, *SAFETENSORS])
    file = "pytorch_model.bin" if name in TORCH else "model.safetensors"
    content = (CHECKPOINTS / name / file).read_bytes()
    for _ in range(chance.randrange(1, 6)):
        limit = chance.choice([100, 10_000, len(content)])
        place = chance.randrange(min(limit, len(content)))
        if chance.random() < 0.3:  # where a zip has its directory
            place = len(content) - 1 - place
        odd = chance.randbytes(chance.choice([0, 1, 1, 4]))
        content = content[:place] + odd + content[place + chance.choice([0, 1, 4]) :]
    if chance.random() < 0.1:
        content = content[: chance.randrange(len(content))]
    path = folder / file
    path.write_bytes(content)
    return path


def _legacy_parts(content: bytes) -> list[bytes]:
    """The five pickles of an old file, and the rest."""
    file, parts, begin = io.BytesIO(content), [], 0
    for _ in range(5):
        list(pickletools.genops(file))
        parts.append(content[begin : file.tell()])
        begin = file.tell()
    return [*parts, content[begin:]]


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


if __name__ == "__main__":
    files = [CHECKPOINTS / name / "pytorch_model.bin" for name in TORCH]
    zipped, legacy = sorted(files, key=lambda file: not zipfile.is_zipfile(file))
    ZIP_MEMBERS, LEGACY_PARTS = _members(zipped), _legacy_parts(legacy.read_bytes())
    UNCHANGED = {tensor for file in files for tensor in TorchFile.open(file).tensors.values()}
    before = _peak()
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
