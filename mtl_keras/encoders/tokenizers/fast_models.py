"""Reads and writes the models of tensorflow-text's fast operations, which are flatbuffers.

`FastBertNormalizer` looks characters up in a double array (Aoe, 1989, "An efficient digital search
algorithm by using a double-array structure"), in the form of Yata's darts-clone. The UTF-8 bytes
of a character lead from unit to unit. A unit holds the byte that leads to it (bits 0 to 7), whether
a value follows (bit 8), and the xor of its index and the base of its children (bits 10 to 30). A
value has bit 31.
"""

from collections.abc import Mapping

import flatbuffers
import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

CODE_POINTS = 0x110000
CHANGED = 1 << 30  # flag of a value; below it, 24 bits of an offset in the strings, 6 of a length
LENGTH_BITS = 6
VALUE, HAS_VALUE, OFFSET_SHIFT = 1 << 31, 1 << 8, 10
ROOT, ROOT_CHILDREN, FIRST_VALUE, BLOCK = 0, 256, 512, 64
UNITS, OF_ZERO, STRINGS, NUM_FIELDS = 1, 2, 3, 4  # a normalizer's fields
MAX_BYTES = 4  # a field of a splitter


def write_normalizer(changes: Mapping[str, str]) -> bytes:
    """A model with which `FastBertNormalizer` replaces characters by strings.

    Args:
        changes: character → string of at most 63 bytes of UTF-8, which may be empty. Other
            characters are not changed.
    """
    strings, values = bytearray(), dict[str, int]()
    bases = np.zeros(CODE_POINTS, np.int32)  # of what follows a character: its value
    for string in changes.values():
        if string not in values:
            encoded = string.encode()
            values[string] = CHANGED | len(strings) << LENGTH_BITS | len(encoded)
            strings += encoded
    places = {string: FIRST_VALUE + number for number, string in enumerate(values)}
    for character, string in changes.items():
        bases[ord(character)] = places[string]
    builder = flatbuffers.Builder(1 << 20)
    units = builder.CreateNumpyVector(_units(np.array([*values.values()], np.uint32), bases))
    pool = builder.CreateNumpyVector(np.frombuffer(bytes(strings) or b" ", np.uint8))
    builder.StartObject(NUM_FIELDS)
    builder.PrependUOffsetTRelativeSlot(UNITS, units, 0)
    builder.PrependInt32Slot(OF_ZERO, values[changes["\0"]] if "\0" in changes else 0, 0)
    builder.PrependUOffsetTRelativeSlot(STRINGS, pool, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def read_normalizer(model: bytes) -> dict[str, str]:
    """The argument of `write_normalizer`, from a model that it or tensorflow-text made.

    Example:

    >>> changes = {"A": "a", "½": "1/2", "\\u200b": "", "\\U0001d400": "a", "\\0": " "}
    >>> read_normalizer(write_normalizer(changes)) == changes
    True
    """
    table = _table(model)
    units, pool = (
        table.GetVectorAsNumpy(flags, table.Offset(4 + 2 * field))
        for flags, field in (
            (number_types.Uint32Flags, UNITS),
            (number_types.Uint8Flags, STRINGS),
        )
    )
    values, strings = _values(units), pool.tobytes()
    if field := table.Offset(4 + 2 * OF_ZERO):
        values[0] = table.Get(number_types.Int32Flags, table.Pos + field)
    changes = {}
    for code in np.flatnonzero(values & CHANGED).tolist():
        length = int(values[code]) & (1 << LENGTH_BITS) - 1
        place = (int(values[code]) & CHANGED - 1) >> LENGTH_BITS
        changes[chr(code)] = strings[place : place + length].decode()
    return changes


def max_bytes_place(model: bytes) -> int:
    """Offset of the longest word in bytes, an int32, in a `FastWordpieceTokenizer`'s model."""
    table = _table(model)
    return table.Pos + table.Offset(4 + 2 * MAX_BYTES)


def _table(model: bytes) -> Table:
    start = flatbuffers.encode.Get(number_types.UOffsetTFlags.packer_type, model, 0)
    return Table(model, start)


def _units(values: np.ndarray, bases: np.ndarray) -> np.ndarray:
    """The double array of values and of each code point's base, which is 0 for absent ones.

    There are 64 continuation bytes, so a node's children fill a block of 64 units. Equal nodes
    share a block, so whole planes may need just one.
    """
    units = np.zeros(-(-(FIRST_VALUE + len(values)) // BLOCK) * BLOCK, np.uint32)
    units[FIRST_VALUE : FIRST_VALUE + len(values)] = values | VALUE
    units, last_two = _add_blocks(units, bases.reshape(-1, BLOCK), HAS_VALUE)
    three = last_two.reshape(-1, BLOCK).copy()  # (first two of three bytes, BLOCK)
    three[0, : 0x800 >> 6] = 0  # these have two bytes
    units, last_three = _add_blocks(units, three)
    four = np.pad(last_three[16:], (16, 3 * BLOCK - 16)).reshape(-1, BLOCK)
    units, last_four = _add_blocks(units, four)
    children = np.zeros(256, np.int32)
    children[1:0x80] = bases[1:0x80]  # a zero byte has its value elsewhere
    children[0xC2:0xE0] = last_two[2:32]
    children[0xE0:0xF0] = last_three[:16]
    children[0xF0:0xF5] = last_four[:5]
    flags = np.where(np.arange(256) < 0x80, HAS_VALUE, 0)
    units[ROOT] = ROOT_CHILDREN << OFFSET_SHIFT
    units[ROOT_CHILDREN:FIRST_VALUE] = _nodes(ROOT_CHILDREN, 0, children, flags)
    return units


def _add_blocks(
    units: np.ndarray, children: np.ndarray, flags: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Appends a block for each distinct row of children's bases.

    Returns:
        The longer units, and the base of each row, 0 for one without children.
    """
    blocks, base_of = [units], {bytes(children[0].nbytes): 0}
    for row in children:
        if row.tobytes() not in base_of:
            start = len(units) + BLOCK * (len(blocks) - 1)
            base_of[row.tobytes()] = start ^ 0x80
            blocks.append(_nodes(start, 0x80, row, flags))
    return np.concatenate(blocks), np.array([base_of[row.tobytes()] for row in children], np.int32)


def _nodes(start: int, label: int, bases: np.ndarray, flags: int | np.ndarray) -> np.ndarray:
    """Units from index `start`, with labels from `label`; 0 for a base of 0."""
    steps = np.arange(len(bases))
    offsets = (start + steps) ^ bases
    nodes = (label + steps) | flags | offsets << OFFSET_SHIFT
    return np.where(bases > 0, nodes, 0).astype(np.uint32)


def _values(units: np.ndarray) -> np.ndarray:
    """The value of each code point, 0 if it has none."""
    values = np.zeros(CODE_POINTS, np.uint32)
    for first, last, lead, shifts in (
        (0x1, 0x80, 0, (0,)),
        (0x80, 0x800, 0xC0, (6, 0)),
        (0x800, 0x10000, 0xE0, (12, 6, 0)),
        (0x10000, CODE_POINTS, 0xF0, (18, 12, 6, 0)),
    ):
        codes = np.arange(first, last)
        place, is_there = np.zeros_like(codes), np.ones_like(codes, bool)
        for number, shift in enumerate(shifts):
            byte = lead | codes >> shift if number == 0 else 0x80 | codes >> shift & 0x3F
            place = np.where(is_there, place ^ _offsets(units[place]) ^ byte, 0)
            is_there &= (place < len(units)) & (units[place % len(units)] & (VALUE | 0xFF) == byte)
            place = np.where(is_there, place, 0)
        is_there &= units[place] & HAS_VALUE > 0
        place = np.where(is_there, place ^ _offsets(units[place]), 0)
        values[first:last] = np.where(is_there, units[place] & (VALUE - 1), 0)
    return values


def _offsets(units: np.ndarray) -> np.ndarray:
    """The offsets of units. If bit 9 is set, the stored offset is multiplied by 256."""
    return units.astype(np.int64) >> OFFSET_SHIFT << ((units & 1 << 9) >> 6).astype(np.int64)
