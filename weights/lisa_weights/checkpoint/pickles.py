"""Read a pickle without running anything in it.

It replaces `pickle.Unpickler`: a name is looked up in the caller's table and never imported; the table's entries build
inert values. Operations, bytes and memory are bounded. Only strings and small numbers are hashed, so that hashing takes
bounded time.

Source: the opcodes of the standard library's pickletools; those of protocols 2 to 5 that data needs.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from lisa_weights.errors import WeightsError

_MAX_BYTES = 6 << 20
_MAX_OPERATIONS = 4_000_000
_MAX_MEMORY = 36 << 20
_MAX_NAME = 512
_MAX_INTEGER_BYTES = 16
_MAX_INTEGER_KEY = 1 << 31

Value = object
"""What a pickle builds: None, bool, int, float, str, bytes, list, tuple, dict, or a record of the caller's table."""


@dataclass(frozen=True, slots=True)
class Builder:
    """An allowed name that can be called: builds an inert value from the arguments.

    Attributes:
        build: receives the arguments; raises WeightsError if they are invalid.
    """

    build: Callable[[tuple[Value, ...]], Value]


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A dictionary key that is neither text nor a small number; only its presence counts."""

    value: Value


def read_pickle(
    stream: BinaryIO, names: Mapping[str, Value], persistent: Callable[[Value], Value], *, what: str
) -> Value:
    """Read one pickle from the position of the stream, and leave the stream at its end.

    Args:
        stream: the bytes.
        names: the value of each allowed `module.name`: a Builder, or a value that cannot be called.
        persistent: returns the value of a persistent identifier.
        what: the file, for messages.

    Raises:
        WeightsError: a name outside the table, an operation that data does not need, a malformed or truncated pickle,
            or one that is larger than any checkpoint's.
    """
    return _PickleReader(stream, names, persistent, what).run()


class _PickleReader:
    def __init__(
        self, stream: BinaryIO, names: Mapping[str, Value], persistent: Callable[[Value], Value], what: str
    ) -> None:
        self._stream = stream
        self._names = names
        self._persistent = persistent
        self._what = what
        self._stack: list[Value] = []
        self._marks: list[int] = []
        self._memo: dict[int, Value] = {}
        self._left = _MAX_BYTES
        self._memory = _MAX_MEMORY

    def run(self) -> Value:
        operations = _OPERATIONS
        for _ in range(_MAX_OPERATIONS):
            code = self._read(1)[0]
            if code == pickle.STOP[0]:
                return self._pop()
            operation = operations.get(code)
            if operation is None:
                raise self._malformed(f"it has the operation {code:#04x}, which weights do not use")
            operation(self)
        raise self._malformed(f"it has more than {_MAX_OPERATIONS} operations")

    def _malformed(self, why: str) -> WeightsError:
        return WeightsError(f"{self._what} is not a readable checkpoint: {why}. Download or save the file again.")

    def _charge(self, cost: int) -> None:
        self._memory -= cost
        if self._memory < 0:
            raise self._malformed(f"its structure requires more than {_MAX_MEMORY >> 20} MiB")

    def _read(self, count: int) -> bytes:
        if count > self._left:
            raise self._malformed(f"its structure is longer than {_MAX_BYTES >> 20} MiB")
        data = self._stream.read(count)
        if len(data) != count:
            raise self._malformed("it is truncated")
        self._left -= count
        return data

    def _number(self, form: str) -> int:
        value: int = struct.unpack("<" + form, self._read(struct.calcsize(form)))[0]
        return value

    def _sized(self, form: str) -> bytes:
        count = self._number(form)
        if count > self._left:
            raise self._malformed("it has a string that is longer than the file")
        self._charge(64 + 4 * count)
        return self._read(count)

    def _line(self) -> str:
        line = self._stream.readline(_MAX_NAME)
        self._left -= len(line)
        if not line.endswith(b"\n"):
            raise self._malformed("it has a name without an end")
        return self._text(line[:-1])

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._malformed("it has text that is not UTF-8") from error

    def _push(self, value: Value, cost: int = 40) -> None:
        self._charge(cost)
        self._stack.append(value)

    def _pop(self) -> Value:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise self._malformed("it uses a missing value")
        return self._stack.pop()

    def _top(self) -> Value:
        value = self._pop()
        self._stack.append(value)
        return value

    def _pop_mark(self) -> list[Value]:
        if not self._marks:
            raise self._malformed("it ends a group that was not started")
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _mark(self) -> None:
        self._charge(40)
        self._marks.append(len(self._stack))

    def _tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(items)), 64 + 8 * count)

    def _tuple_of_mark(self) -> None:
        items = self._pop_mark()
        self._push(tuple(items), 64 + 8 * len(items))

    def _integer(self, form: str) -> None:
        count = self._number(form)
        if not 0 <= count <= _MAX_INTEGER_BYTES:
            raise self._malformed("it has a number of more than 128 bits")
        self._push(int.from_bytes(self._read(count), "little", signed=True))

    def _extend(self, items: list[Value]) -> None:
        target = self._top()
        if not isinstance(target, list):
            raise self._malformed("it appends to a value that is not a list")
        self._charge(16 * len(items))
        target.extend(items)

    def _set(self, items: list[Value]) -> None:
        target = self._top()
        if not isinstance(target, dict) or len(items) % 2:
            raise self._malformed("it sets an item of a value that is not a dictionary")
        self._charge(96 * len(items))
        for key, value in zip(items[::2], items[1::2], strict=True):
            small = isinstance(key, int) and abs(key) < _MAX_INTEGER_KEY
            target[key if small or isinstance(key, str) else Opaque(key)] = value

    def _set_one(self) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def _append_one(self) -> None:
        self._extend([self._pop()])

    def _remember(self, index: int) -> None:
        self._charge(104)
        self._memo[index] = self._top()

    def _recall(self, index: int) -> None:
        if index not in self._memo:
            raise self._malformed("it refers to a value that it did not store")
        self._push(self._memo[index], 8)

    def _find(self, module: Value, name: Value) -> None:
        wanted = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "something without a name"
        if wanted not in self._names:
            raise WeightsError(
                f"{self._what} was rejected: it imports {wanted[:_MAX_NAME]!r}; code in a checkpoint never"
                " runs here. Save the model's state_dict() alone, or get the model as safetensors."
            )
        self._push(self._names[wanted], 8)

    def _find_in_stream(self) -> None:
        module = self._line()
        self._find(module, self._line())

    def _find_on_stack(self) -> None:
        name, module = self._pop(), self._pop()
        self._find(module, name)

    def _call(self) -> None:
        arguments, builder = self._pop(), self._pop()
        if not isinstance(builder, Builder) or not isinstance(arguments, tuple):
            raise self._malformed("it calls a value that is not callable")
        self._push(builder.build(arguments), 200)

    def _state(self) -> None:
        """Attributes of an object (an OrderedDict's `_metadata`) hold no weights and are dropped."""
        self._pop()
        self._top()

    def _identify(self) -> None:
        self._push(self._persistent(self._pop()), 200)


_OPERATIONS: dict[int, Callable[[_PickleReader], object]] = {
    code[0]: operation
    for code, operation in {
        pickle.PROTO: lambda m: m._read(1),
        pickle.FRAME: lambda m: m._read(8),
        pickle.MARK: _PickleReader._mark,
        pickle.POP: _PickleReader._pop,
        pickle.POP_MARK: _PickleReader._pop_mark,
        pickle.DUP: lambda m: m._push(m._top(), 8),
        pickle.NONE: lambda m: m._push(None, 8),
        pickle.NEWTRUE: lambda m: m._push(True, 8),
        pickle.NEWFALSE: lambda m: m._push(False, 8),
        pickle.BININT: lambda m: m._push(m._number("i")),
        pickle.BININT1: lambda m: m._push(m._number("B"), 8),
        pickle.BININT2: lambda m: m._push(m._number("H")),
        pickle.LONG1: lambda m: m._integer("B"),
        pickle.LONG4: lambda m: m._integer("i"),
        pickle.BINFLOAT: lambda m: m._push(struct.unpack(">d", m._read(8))[0]),
        pickle.BINUNICODE: lambda m: m._push(m._text(m._sized("I"))),
        pickle.SHORT_BINUNICODE: lambda m: m._push(m._text(m._sized("B"))),
        pickle.BINUNICODE8: lambda m: m._push(m._text(m._sized("Q"))),
        pickle.BINSTRING: lambda m: m._push(m._text(m._sized("I"))),
        pickle.SHORT_BINSTRING: lambda m: m._push(m._text(m._sized("B"))),
        pickle.BINBYTES: lambda m: m._push(m._sized("I")),
        pickle.SHORT_BINBYTES: lambda m: m._push(m._sized("B")),
        pickle.BINBYTES8: lambda m: m._push(m._sized("Q")),
        pickle.BYTEARRAY8: lambda m: m._push(m._sized("Q")),
        pickle.EMPTY_LIST: lambda m: m._push([], 64),
        pickle.EMPTY_SET: lambda m: m._push([], 64),
        pickle.LIST: lambda m: m._push(m._pop_mark(), 64),
        pickle.FROZENSET: _PickleReader._tuple_of_mark,
        pickle.EMPTY_DICT: lambda m: m._push({}, 72),
        pickle.EMPTY_TUPLE: lambda m: m._push((), 8),
        pickle.TUPLE: _PickleReader._tuple_of_mark,
        pickle.TUPLE1: lambda m: m._tuple(1),
        pickle.TUPLE2: lambda m: m._tuple(2),
        pickle.TUPLE3: lambda m: m._tuple(3),
        pickle.APPEND: _PickleReader._append_one,
        pickle.APPENDS: lambda m: m._extend(m._pop_mark()),
        pickle.ADDITEMS: lambda m: m._extend(m._pop_mark()),
        pickle.SETITEM: _PickleReader._set_one,
        pickle.SETITEMS: lambda m: m._set(m._pop_mark()),
        pickle.BINPUT: lambda m: m._remember(m._number("B")),
        pickle.LONG_BINPUT: lambda m: m._remember(m._number("I")),
        pickle.MEMOIZE: lambda m: m._remember(len(m._memo)),
        pickle.BINGET: lambda m: m._recall(m._number("B")),
        pickle.LONG_BINGET: lambda m: m._recall(m._number("I")),
        pickle.GLOBAL: _PickleReader._find_in_stream,
        pickle.STACK_GLOBAL: _PickleReader._find_on_stack,
        pickle.REDUCE: _PickleReader._call,
        pickle.NEWOBJ: _PickleReader._call,
        pickle.BUILD: _PickleReader._state,
        pickle.BINPERSID: _PickleReader._identify,
    }.items()
}
