"""Read a pickle without running anything in it.

It replaces `pickle.Unpickler`: a name is looked up in the caller's table and never imported; the table's entries build
inert values. Operations, bytes and memory are bounded. Only strings and small numbers are hashed, so that hashing takes
bounded time.

Source: the opcodes of the standard library's pickletools; those of protocols 0 to 5 that data needs.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from typing import BinaryIO

from lisa_weights.checkpoint import pickle_text
from lisa_weights.checkpoint.pickle_stream import MAX_BYTES, MAX_NAME, PickleStream
from lisa_weights.checkpoint.pickle_values import AttributeDict, Builder, Refusal, Value, set_items
from lisa_weights.errors import WeightsError

_MAX_OPERATIONS = 4_000_000
_MAX_INTEGER_BYTES = 16


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


class _PickleReader(PickleStream):
    def __init__(
        self, stream: BinaryIO, names: Mapping[str, Value], persistent: Callable[[Value], Value], what: str
    ) -> None:
        super().__init__(stream, what)
        self._names = names
        self._persistent = persistent
        self._stack: list[Value] = []
        self._marks: list[int] = []
        self._memo: dict[Value, Value] = {}

    def run(self) -> Value:
        operations = _OPERATIONS
        for _ in range(_MAX_OPERATIONS):
            code = self.read(1)[0]
            if code == pickle.STOP[0]:
                return self._pop()
            operation = operations.get(code)
            if operation is None:
                raise self.malformed(f"it has the operation {code:#04x}, which weights do not use")
            operation(self)
        raise self.malformed(f"it has more than {_MAX_OPERATIONS} operations")

    def _push(self, value: Value, cost: int = 40) -> None:
        self.charge(cost)
        self._stack.append(value)

    def _pop(self) -> Value:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise self.malformed("it uses a missing value")
        return self._stack.pop()

    def _top(self) -> Value:
        value = self._pop()
        self._stack.append(value)
        return value

    def _pop_mark(self) -> list[Value]:
        if not self._marks:
            raise self.malformed("it ends a group that was not started")
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _mark(self) -> None:
        self.charge(40)
        self._marks.append(len(self._stack))

    def _tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(items)), 64 + 8 * count)

    def _tuple_of_mark(self) -> None:
        items = self._pop_mark()
        self._push(tuple(items), 64 + 8 * len(items))

    def _integer(self, form: str) -> None:
        count = self.number(form)
        if not 0 <= count <= _MAX_INTEGER_BYTES:
            raise self.malformed("it has a number of more than 128 bits")
        self._push(int.from_bytes(self.read(count), "little", signed=True))

    def _parsed(self, parse: Callable[[bytes], Value], limit: int = MAX_NAME) -> Value:
        """The value of a line of text, as protocols 0 and 1 write it."""
        line = self.line(limit)
        self.charge(64 + 8 * len(line))
        try:
            return parse(line)
        except ValueError as error:
            raise self.malformed("it has a number or a text that is none") from error

    def _dictionary_of_mark(self) -> None:
        items = self._pop_mark()
        self._push({}, 72)
        self._set(items)

    def _extend(self, items: list[Value]) -> None:
        target = self._top()
        if not isinstance(target, list):
            raise self.malformed("it appends to a value that is not a list")
        self.charge(16 * len(items))
        target.extend(items)

    def _set(self, items: list[Value]) -> None:
        target = self._top()
        if not isinstance(target, dict) or len(items) % 2:
            raise self.malformed("it sets an item of a value that is not a dictionary")
        self.charge(96 * len(items))
        set_items(target, items)

    def _set_one(self) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def _append_one(self) -> None:
        self._extend([self._pop()])

    def _remember(self, index: Value) -> None:
        self.charge(104)
        self._memo[index] = self._top()

    def _recall(self, index: Value) -> None:
        if index not in self._memo:
            raise self.malformed("it refers to a value that it did not store")
        self._push(self._memo[index], 8)

    def _find(self, module: Value, name: Value) -> None:
        wanted = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "something without a name"
        if wanted not in self._names:
            raise WeightsError(
                f"{self.what} was rejected: it imports {wanted[:MAX_NAME]!r}; code in a checkpoint never"
                " runs here. Save the model's state_dict() alone, or get the model as safetensors."
            )
        found = self._names[wanted]
        if isinstance(found, Refusal):
            raise WeightsError(f"{self.what} was not read: {found.reason}.")
        self._push(found, 8)

    def _find_in_stream(self) -> None:
        module = self.name()
        self._find(module, self.name())

    def _find_on_stack(self) -> None:
        name, module = self._pop(), self._pop()
        self._find(module, name)

    def _call(self) -> None:
        arguments, builder = self._pop(), self._pop()
        if not isinstance(builder, Builder) or not isinstance(arguments, tuple):
            raise self.malformed("it calls a value that is not callable")
        self.charge(200 + 8 * len(arguments))
        for argument in arguments:
            if isinstance(argument, list | tuple | dict):
                self.charge(96 * len(argument))
            elif isinstance(argument, str | bytes):
                self.charge(4 * len(argument))
        self._push(builder.build(arguments), 0)

    def _call_with_names(self) -> None:
        self._pop()
        self._call()

    def _call_in_stream(self) -> None:
        """The oldest form of a call: the name follows, the arguments are a group."""
        arguments = tuple(self._pop_mark())
        self._find_in_stream()
        self._push(arguments)
        self._call()

    def _call_of_mark(self) -> None:
        builder, *arguments = self._pop_mark() or [None]
        self._push(builder)
        self._push(tuple(arguments))
        self._call()

    def _state(self) -> None:
        """Give an object of attributes its content; those of others (an OrderedDict's `_metadata`) are no weights."""
        state, target = self._pop(), self._top()
        for part in state if isinstance(state, tuple) and len(state) == 2 else (state,):
            if isinstance(target, AttributeDict) and isinstance(part, dict):
                self.charge(96 * len(part))
                target.update(part)

    def _identify(self) -> None:
        self._push(self._persistent(self._pop()), 200)

    def _identify_in_stream(self) -> None:
        self._push(self._persistent(self.name()), 200)


_OPERATIONS: dict[int, Callable[[_PickleReader], object]] = {
    code[0]: operation
    for code, operation in {
        pickle.PROTO: lambda m: m.read(1),
        pickle.FRAME: lambda m: m.read(8),
        pickle.MARK: _PickleReader._mark,
        pickle.POP: _PickleReader._pop,
        pickle.POP_MARK: _PickleReader._pop_mark,
        pickle.DUP: lambda m: m._push(m._top(), 8),
        pickle.NONE: lambda m: m._push(None, 8),
        pickle.NEWTRUE: lambda m: m._push(True, 8),
        pickle.NEWFALSE: lambda m: m._push(False, 8),
        pickle.BININT: lambda m: m._push(m.number("i")),
        pickle.BININT1: lambda m: m._push(m.number("B"), 8),
        pickle.BININT2: lambda m: m._push(m.number("H")),
        pickle.LONG1: lambda m: m._integer("B"),
        pickle.LONG4: lambda m: m._integer("i"),
        pickle.INT: lambda m: m._push(m._parsed(pickle_text.integer)),
        pickle.LONG: lambda m: m._push(m._parsed(pickle_text.integer)),
        pickle.FLOAT: lambda m: m._push(m._parsed(pickle_text.number)),
        pickle.STRING: lambda m: m._push(m._parsed(pickle_text.string, MAX_BYTES)),
        pickle.UNICODE: lambda m: m._push(m._parsed(pickle_text.text, MAX_BYTES)),
        pickle.BINFLOAT: lambda m: m._push(struct.unpack(">d", m.read(8))[0]),
        pickle.BINUNICODE: lambda m: m._push(m.text(m.sized("I"))),
        pickle.SHORT_BINUNICODE: lambda m: m._push(m.text(m.sized("B"))),
        pickle.BINUNICODE8: lambda m: m._push(m.text(m.sized("Q"))),
        pickle.BINSTRING: lambda m: m._push(pickle_text.text_or_bytes(m.sized("I"))),
        pickle.SHORT_BINSTRING: lambda m: m._push(pickle_text.text_or_bytes(m.sized("B"))),
        pickle.BINBYTES: lambda m: m._push(m.sized("I")),
        pickle.SHORT_BINBYTES: lambda m: m._push(m.sized("B")),
        pickle.BINBYTES8: lambda m: m._push(m.sized("Q")),
        pickle.BYTEARRAY8: lambda m: m._push(m.sized("Q")),
        pickle.EMPTY_LIST: lambda m: m._push([], 64),
        pickle.EMPTY_SET: lambda m: m._push([], 64),
        pickle.LIST: lambda m: m._push(m._pop_mark(), 64),
        pickle.FROZENSET: _PickleReader._tuple_of_mark,
        pickle.DICT: _PickleReader._dictionary_of_mark,
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
        pickle.PUT: lambda m: m._remember(m._parsed(pickle_text.index)),
        pickle.BINPUT: lambda m: m._remember(m.number("B")),
        pickle.LONG_BINPUT: lambda m: m._remember(m.number("I")),
        pickle.MEMOIZE: lambda m: m._remember(len(m._memo)),
        pickle.GET: lambda m: m._recall(m._parsed(pickle_text.index)),
        pickle.BINGET: lambda m: m._recall(m.number("B")),
        pickle.LONG_BINGET: lambda m: m._recall(m.number("I")),
        pickle.GLOBAL: _PickleReader._find_in_stream,
        pickle.STACK_GLOBAL: _PickleReader._find_on_stack,
        pickle.REDUCE: _PickleReader._call,
        pickle.INST: _PickleReader._call_in_stream,
        pickle.OBJ: _PickleReader._call_of_mark,
        pickle.NEWOBJ: _PickleReader._call,
        pickle.NEWOBJ_EX: _PickleReader._call_with_names,
        pickle.BUILD: _PickleReader._state,
        pickle.PERSID: _PickleReader._identify_in_stream,
        pickle.BINPERSID: _PickleReader._identify,
    }.items()
}
