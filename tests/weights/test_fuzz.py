"""Mutated checkpoints, structures, headers and indexes: converted or refused, and nothing else.

Each case runs for a second, with the same seed each time; LISA_FUZZ_SECONDS makes it longer, with a seed of its own
that a failure tells.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lisa_weights.checkpoint.torch_records import NAMES
from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from lisa_weights.model_directory import read_directory
from weights.checkpoint_files import legacy, listed, state, storage, tensor, text, written
from weights.model_files import sharded, write

SECONDS = float(os.environ.get("LISA_FUZZ_SECONDS", "1"))
SLOWEST = 10
SPECIAL = (
    b"\xff" * 4,
    b"\0" * 4,
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\xff" * 8,
    b"\0\0\0\0\1\0\0\0",
    b"PK\1\2",
    b".",
)
GOOD = state(w=tensor(), v=tensor(shape=(2, 2), strides=(1, 2)), n=b"K\x05")
DATA = bytes(range(16))


def rounds(name: str) -> Iterator[tuple[random.Random, str]]:
    """Dice for each round, and what a failure should tell of it."""
    start = 0 if SECONDS <= 1 else time.time_ns()
    end = time.monotonic() + SECONDS
    number = 0
    while time.monotonic() < end:
        seed = f"{name}:{start}:{number}"
        yield random.Random(seed), seed
        number += 1


def mutated(dice: random.Random, content: bytes) -> bytes:
    """Bytes changed, dropped, repeated, moved or overwritten in some places."""
    changed = bytearray(content)
    for _ in range(dice.choice([1, 1, 1, 2, 3, 6])):
        if not changed:
            break
        at = dice.randrange(len(changed))
        match dice.randrange(6):
            case 0:
                changed[at] = dice.randrange(256)
            case 1:
                changed[at] ^= 1 << dice.randrange(8)
            case 2:
                del changed[at : at + dice.choice([1, 2, 4, 8, 40])]
            case 3:
                changed[at:at] = changed[at : at + dice.randint(1, 60)] * dice.choice([1, 1, 50])
            case 4:
                other = dice.randrange(len(changed))
                changed[at : at + 8] = changed[other : other + 8]
            case _:
                special = dice.choice(SPECIAL)
                changed[at : at + len(special)] = special
    return bytes(changed)


def value(dice: random.Random, depth: int = 3) -> bytes:
    """The operations of a value, most of them sound."""
    leaf: list[Callable[[], bytes]] = [
        lambda: b"N",
        lambda: b"\x88",
        lambda: b"K" + bytes([dice.randrange(256)]),
        lambda: b"J" + dice.randbytes(4),
        lambda: b"\x8a" + bytes([length := dice.randrange(20)]) + dice.randbytes(length),
        lambda: b"G" + dice.randbytes(8),
        lambda: text(dice.choice(["w", "storage", "torch.os", "latin1", "é\U0001f600", "x" * 300])),
        lambda: b"c" + "\n".join(dice.choice([*NAMES, "os.system"]).rsplit(".", 1)).encode() + b"\n",
        lambda: storage(dice.choice(["0", "1"]), dice.choice([0, 4, 5])),
        lambda: tensor(dice.choice([0, 0, 1, 5]), (dice.choice([0, 1, 2, 4]),), (dice.choice([0, 1, 2]),)),
        lambda: b"h" + bytes([dice.randrange(4)]),
    ]  # fmt: skip
    if depth == 0 or dice.random() < 0.3:
        return dice.choice(leaf)()
    inner = b"".join(value(dice, depth - 1) for _ in range(dice.randrange(5)))

    def below() -> bytes:
        return value(dice, depth - 1)

    nested: list[Callable[[], bytes]] = [
        lambda: b"(" + inner + b"t",
        lambda: b"](" + inner + b"e",
        lambda: b"}(" + text("w") + tensor() + inner + b"u",
        lambda: b"}" + text("w") + below() + b"s",
        lambda: dice.choice(leaf)() + b"(" + inner + b"tR",
        lambda: below() + b"q" + bytes([dice.randrange(4)]),
        lambda: below() + b"Q",
        lambda: below() + below() + b"b",
    ]
    return dice.choice(nested)()


def attempt(model: Path, seed: str) -> None:
    """Convert and judge a model; the outcome is safetensors or a refusal that leaves the directory as it was."""
    before = listed(model)
    began = time.monotonic()
    try:
        converted = convert(model, checksums=True)
    except WeightsError:
        assert listed(model) == before, seed
    else:
        for file in converted.files:
            if converted.written:
                (model / file.name).unlink()
    assert read_directory(model) is not None
    assert time.monotonic() - began < SLOWEST, seed


class _Watch:
    """Notes what Python's audit events tell of code that is loaded or run; a hook cannot be taken away again."""

    EVENTS = frozenset(
        {"import", "exec", "compile", "os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen"}
        | {"pickle.find_class", "marshal.loads", "ctypes.dlopen", "socket.connect"}
    )

    def __init__(self) -> None:
        self.is_on = False
        self.seen: list[tuple[str, str]] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.is_on and event in self.EVENTS:
            self.seen.append((event, repr(arguments[:1])[:200]))


WATCH = _Watch()


@contextmanager
def watched(model: Path) -> Iterator[None]:
    """Nothing is imported, compiled, run or connected to within."""
    attempt(model, "the first, which loads what Python itself needs")
    WATCH.seen.clear()
    modules = set(sys.modules)
    WATCH.is_on = True
    try:
        yield
    finally:
        WATCH.is_on = False
    assert WATCH.seen == []
    assert set(sys.modules) == modules


def test_the_watch_sees_an_import_and_an_unpickled_call() -> None:
    WATCH.seen.clear()
    WATCH.is_on = True
    try:
        pickle.loads(b"cthis\ns\n.")
        pickle.loads(b"cos\nsystem\n(X\4\0\0\0truetR.")
    finally:
        WATCH.is_on = False
    assert {event for event, _ in WATCH.seen} >= {"import", "pickle.find_class", "os.system"}


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
def test_mutated_files(tmp_path: Path, old: bool) -> None:
    model = written(tmp_path / "m", GOOD, data=DATA, method=zipfile.ZIP_DEFLATED)
    path = model / "pytorch_model.bin"
    deflated = path.read_bytes()
    written(model, GOOD, data=DATA)
    wholes = [legacy(GOOD, DATA)] if old else [path.read_bytes(), deflated]
    with watched(model):
        for dice, seed in rounds(f"file {old}"):
            path.write_bytes(mutated(dice, dice.choice(wholes)))
            attempt(model, seed)


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("grammar", [False, True], ids=["mutated", "grammar"])
def test_structures(tmp_path: Path, old: bool, grammar: bool) -> None:
    """Inside a sound file, so that the structure itself is what is read."""
    model = written(tmp_path / "m", GOOD, data=DATA)
    with watched(model):
        for dice, seed in rounds(f"structure {old} {grammar}"):
            if grammar:
                items = b"".join(text(name) + value(dice) for name in "wxyz"[: dice.randint(1, 4)])
                structure = b"\x80\x02}(" + items + b"u."
                structure = mutated(dice, structure) if dice.random() < 0.3 else structure
            else:
                structure = mutated(dice, GOOD)
            written(model, structure, data=DATA)
            if old:
                (model / "pytorch_model.bin").write_bytes(legacy(structure, DATA))
            attempt(model, seed)


def test_headers_and_indexes(tmp_path: Path) -> None:
    files = sharded()
    names = [name for name in files if "model" in name]
    model = write(tmp_path, files)
    with watched(model):
        for dice, seed in rounds("safetensors"):
            name = dice.choice(names)
            head = files[name][:400]
            if dice.random() < 0.3:
                head = json.dumps(_document(dice)).encode()
                head = head if name.endswith(".json") else len(head).to_bytes(8, "little") + head
                (model / name).write_bytes(head)
            else:
                (model / name).write_bytes(mutated(dice, head) + files[name][400:])
            attempt(model, seed)
            (model / name).write_bytes(files[name])


def _document(dice: random.Random, depth: int = 3) -> object:
    """JSON in the form of headers and indexes, more or less."""
    leaf: list[object] = [None, True, -1, 0, 700, 1 << 70, 1.5, "U8", "x", "../x.safetensors", "\ud800", "a\0b", [], {}]
    if depth == 0:
        return dice.choice(leaf)
    keys = ["weight_map", "metadata", "__metadata__", "x", "y", "dtype", "shape", "data_offsets"]
    chosen = dice.sample(keys, dice.randint(0, 5))
    match dice.randrange(3):
        case 0:
            return [_document(dice, depth - 1) for _ in range(dice.randrange(4))]
        case _:
            return {key: _document(dice, depth - 1) for key in chosen}
