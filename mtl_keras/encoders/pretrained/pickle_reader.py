"""Reads the values in a pickle without executing it.

A pickle is a program for a small machine. The machine here has only the instructions that files of
weights use. It makes strings, numbers, tuples, lists, dicts and what its caller allows, and it can
change only lists and dicts.
"""

import pickletools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any, cast

from mtl_keras.errors import InputError

# A tensor takes about 40 instructions and 200 bytes. These limits also bound the memo, the number
# of values and their nesting, since nothing is made without an instruction.
MOST_INSTRUCTIONS = 500_000
MOST_BYTES = 2**24
SAFE = "save the model as model.safetensors instead"

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
WITH_VALUE = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}


@dataclass(frozen=True, slots=True)
class GlobalName:
    """The name of a function or class, as a pickle gives it. It is only a name."""

    module: str
    name: str


def read_pickle(
    file: IO[bytes],
    functions: Mapping[GlobalName, Callable[..., Any]],
    names: frozenset[GlobalName] = frozenset(),
    load: Callable[[Any], Any] | None = None,
) -> Any:
    """The value that a pickle describes. Leaves the file at the end of the pickle.

    Args:
        file: at the start of the pickle.
        functions: the functions that the pickle may call, by their names in it.
        names: names that the pickle may use as values, of type `GlobalName`.
        load: makes a value from a persistent id; None if there are no such ids.

    Raises:
        InputError: the pickle needs more than this, or exceeds the limits above.
        Exception: of many kinds, if the pickle is damaged.

    Example:

    >>> import io, pickle
    >>> read_pickle(io.BytesIO(pickle.dumps({"a": (1, None)}, protocol=2)), {})
    {'a': (1, None)}
    """
    machine, bounded = _Machine(functions, names, load), cast("IO[bytes]", _Bounded(file))
    for number, (opcode, argument, _) in enumerate(pickletools.genops(bounded), 1):
        if number > MOST_INSTRUCTIONS:
            raise InputError(
                f"the file has more than {MOST_INSTRUCTIONS:,} instructions, which no weights "
                f"need; {SAFE}"
            )
        machine.run(opcode.name, argument)
    (value,) = machine.stack
    return value


def as_dict(items: Iterable[tuple[Any, Any]] = ()) -> dict[Any, Any]:
    """A dict with strings or integers as keys. Hashing other keys could take forever.

    Raises:
        InputError: a key is neither a string nor a whole number.
    """
    pairs = list(items)
    if not all(type(key) in (str, int) for key, _ in pairs):
        raise InputError(f"the file has items whose name is not a string; {SAFE}")
    return dict(pairs)


class _Bounded:
    """Reads at most `MOST_BYTES`, and never requests more at once."""

    def __init__(self, file: IO[bytes]):
        self._file, self._left = file, MOST_BYTES

    def read(self, size: int) -> bytes:
        return self._counted(self._file.read(min(size, self._left + 1)), size)

    def readline(self) -> bytes:
        line = self._file.readline(self._left + 1)
        return self._counted(line, len(line))

    def _counted(self, content: bytes, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise InputError(
                f"the file's list of tensors takes more than {MOST_BYTES:,} bytes, which no "
                f"weights need; {SAFE}"
            )
        return content


class _Machine:
    """A stack of values, and a memo of values that are used again."""

    def __init__(
        self,
        functions: Mapping[GlobalName, Callable[..., Any]],
        names: frozenset[GlobalName],
        load: Callable[[Any], Any] | None,
    ):
        self.stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._functions, self._names, self._load = functions, names, load

    def run(self, name: str, argument: Any) -> None:
        """Runs one instruction, named as in `pickletools`."""
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in WITH_VALUE:
            self.stack.append(argument)
        elif name in INSTRUCTIONS:
            INSTRUCTIONS[name](self, argument)
        else:
            raise InputError(
                f"the file has the instruction {name}, which weights do not need; {SAFE}"
            )

    def take(self, count: int) -> list[Any]:
        """Takes the last values from the stack."""
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def since_mark(self) -> list[Any]:
        """Takes the values above the last mark from the stack."""
        place = self._marks.pop()
        values = self.stack[place:]
        del self.stack[place:]
        return values

    def mark(self) -> None:
        self._marks.append(len(self.stack))

    def keep(self, place: int | None) -> None:
        self._memo[len(self._memo) if place is None else place] = self.stack[-1]

    def get(self, place: int) -> None:
        self.stack.append(self._memo[place])

    def name(self, module: str, name: str) -> None:
        named = GlobalName(module, name)
        if named not in self._functions and named not in self._names:
            raise InputError(
                f"the file asks to run {module}.{name}, which weights do not need; {SAFE}"
            )
        self.stack.append(named)

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(function) is not GlobalName or type(arguments) is not tuple:
            raise InputError(f"the file calls something that is not a function; {SAFE}")
        self.stack.append(self._functions[function](*arguments))

    def persistent(self) -> None:
        if self._load is None:
            raise InputError(f"the file refers to something that it does not hold; {SAFE}")
        self.stack.append(self._load(self.stack.pop()))

    def extend(self, values: list[Any]) -> None:
        self._top(list).extend(values)

    def set_items(self, items: list[Any]) -> None:
        self._top(dict).update(as_dict(zip(items[::2], items[1::2], strict=True)))

    def build(self) -> None:
        """Discards attributes set on a dict (`_metadata`); raises for any other object."""
        self.stack.pop()
        if type(self.stack[-1]) is not dict:
            raise InputError(
                f"the file changes a {type(self.stack[-1]).__name__} after making it, which "
                f"weights do not need; {SAFE}"
            )

    def _top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            name = kind.__name__
            raise InputError(f"the file adds items to something that is not a {name}; {SAFE}")
        return self.stack[-1]


INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.keep),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.get),
    "MARK": lambda machine, _: machine.mark(),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.stack.append(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.stack.append(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.stack.append(tuple(machine.take(3))),
    "APPEND": lambda machine, _: machine.extend(machine.take(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "SETITEM": lambda machine, _: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    "GLOBAL": lambda machine, name: machine.name(*name.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.take(2)),
    "REDUCE": lambda machine, _: machine.call(),
    "BINPERSID": lambda machine, _: machine.persistent(),
    "BUILD": lambda machine, _: machine.build(),
}
