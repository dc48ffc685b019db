"""A process of its own stays below 100 MB of resident memory, whatever it is given to read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lisa_schema
import lisa_weights
from weights.checkpoint_files import integer, legacy, state, storage, tensor, text, written

LIMIT_KIB = 100 * 1000 * 1000 // 1024
READ = """
import sys
from pathlib import Path
from lisa_weights.errors import WeightsError
from lisa_weights.model_directory import read_directory
from lisa_weights.convert import convert
try:
    convert(Path(sys.argv[1]))
    print("converted")
except WeightsError as error:
    print(error)
print(read_directory(Path(sys.argv[1])).completeness.problems)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell peaks")


def read(model: Path) -> tuple[str, int]:
    """What a new process says of a model, and its peak in KiB."""
    packages = [str(Path(str(package.__file__)).parents[1]) for package in (lisa_schema, lisa_weights)]
    done = subprocess.run(
        [sys.executable, "-P", "-c", READ, str(model)],
        env={"PYTHONPATH": os.pathsep.join(packages)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *said, peak = done.stdout.splitlines()
    return "\n".join(said), int(peak)


MANY = 6 << 20
STRUCTURES = {
    "dictionaries": b"}" * MANY,
    "dictionaries of one": b"}K\x00Ns" * (MANY // 5),
    "lists": b"]" * MANY,
    "lists of one": b"]Na" * (MANY // 3),
    "lists of lists": b"](" + b"]Na" * (MANY // 3),
    "sets": b"\x8f" * MANY,
    "tuples of one": b"N\x85" * (MANY // 2),
    "groups": b"(" * MANY,
    "numbers": b"J\xff\xff\xff\x00" * (MANY // 5),
    "long numbers": integer(1 << 70) * (MANY // 11),
    "floats": b"G12345678" * (MANY // 9),
    "remembered": b"N\x94" * (MANY // 2),
    "letters": text("\U0001f600") * (MANY // 9),
    "one wide text": text("\U0001f600" + "a" * (MANY - 100)),
    "keys": b"}(" + b"".join(b"J" + number.to_bytes(4, "little") + b"N" for number in range(MANY // 6)) + b"u",
    "opaque keys": b"}(" + b")N" * (MANY // 2),
    "storages": b"".join(storage(str(number)) for number in range(MANY // 90)),
    "tensors": b"".join(tensor(key=str(number)) for number in range(MANY // 160)),
}


@pytest.mark.parametrize(
    ("name", "old"), [*((name, False) for name in STRUCTURES), ("lists", True), ("letters", True), ("tensors", True)]
)
def test_a_structure_that_wants_memory(tmp_path: Path, name: str, old: bool) -> None:
    structure = b"\x80\x02" + STRUCTURES[name][: MANY - 3] + b"."
    model = written(tmp_path / "m", structure)
    if old:
        (model / "pytorch_model.bin").write_bytes(legacy(structure))
    said, peak = read(model)
    assert "converted" not in said
    assert peak < LIMIT_KIB


def _archive_of_many(model: Path) -> None:
    written(model, state(w=tensor()), **{f"{'n' * 100}{number}": b"" for number in range(19_000)})


def _archive_of_too_many(model: Path) -> None:
    written(model, state(w=tensor()), **{f"{number}": b"" for number in range(120_000)})


def _files_of_many(model: Path) -> None:
    for number in range(1, 41):
        names = {f"{'é' * 120}{number}.{index}": tensor() for index in range(1000)}
        written(model, state(**names), file=f"model-{number:05}-of-00040.bin")


def _files_up_to_the_bound(model: Path) -> None:
    for number in range(1, 16):
        names = {f"{'n' * 120}{number}.{index}": tensor(key=str(index)) for index in range(1000)}
        data = {f"data/{index}": bytes(16) for index in range(1, 1000)}
        written(model, state(**names), file=f"model-{number:05}-of-00015.bin", **data)


def _scattered(model: Path) -> None:
    count = 24 << 20
    structure = state(w=tensor(count=count, shape=(4096, 6144), strides=(1, 4096)))
    written(model, structure, data=bytes(4 * count))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_archive_of_many, "converted"),
        (_archive_of_too_many, "its table would have"),
        (_files_up_to_the_bound, "converted"),
        (_files_of_many, "more than 16000 tensors"),
        (_scattered, "converted"),
    ],
)
def test_checkpoints_of_many_parts(tmp_path: Path, make: Callable[[Path], None], expected: str) -> None:
    make(tmp_path / "m")
    said, peak = read(tmp_path / "m")
    assert expected in said
    assert peak < LIMIT_KIB


DOCUMENTS = {
    "dictionaries of one": b'{"a":[' + b'{"":0},' * 2_000_000 + b"0]}",
    "lists": b'{"a":[' + b"[]," * 5_000_000 + b"0]}",
    "deep": b"[" * 10_000_000,
    "numbers": b'{"a":[' + b"999," * 3_900_000 + b"0]}",
    "one wide text": b'{"a":"\\ud83d\\ude00' + b"a" * 15_000_000 + b'"}',
    "small dictionaries within the bound": b'{"a":[' + b'{"":0},' * 80_000 + b"0]}",
    "texts within the bound": b'{"a":["' + b"x" * 10_000_000 + b'"]}',
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_header_or_an_index_that_wants_memory(tmp_path: Path, name: str) -> None:
    content = DOCUMENTS[name]
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "model.safetensors").write_bytes(len(content).to_bytes(8, "little") + content)
    said, peak = read(tmp_path)
    assert "converted" not in said
    assert peak < LIMIT_KIB
    (tmp_path / "model.safetensors.index.json").write_bytes(content)
    said, peak = read(tmp_path)
    assert "converted" not in said
    assert peak < LIMIT_KIB


def test_the_header_of_a_terabyte(tmp_path: Path) -> None:
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write((90_000_000).to_bytes(8, "little"))
        file.truncate(1 << 40)
    said, peak = read(tmp_path)
    assert "which exceeds the limit" in said
    assert peak < LIMIT_KIB


def test_the_index_of_the_largest_models_is_read(tmp_path: Path) -> None:
    names = [
        f"model.layers.{layer}.mlp.experts.{expert}.up_proj.weight" for layer in range(61) for expert in range(1500)
    ]
    header = {name: {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for name in names[:4000]}
    head = json.dumps(header).encode()
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "model-00001-of-00001.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
    index = {"weight_map": dict.fromkeys(names, "model-00001-of-00001.safetensors")}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    said, peak = read(tmp_path)
    assert "and 87499 more, which model.safetensors.index.json lists" in said
    assert peak < LIMIT_KIB


@pytest.mark.parametrize("name", ["w" * 50, "\U0001f600" * 200])
def test_many_safetensors_of_many_tensors(tmp_path: Path, name: str) -> None:
    for number in range(1, 31):
        header = {
            f"{name}{number}.{index}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for index in range(6000)
        }
        head = json.dumps(header, ensure_ascii=False).encode()
        (tmp_path / f"model-{number:05}-of-00030.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
    said, peak = read(tmp_path)
    assert "tensors, too many for a model" in said or "more than any model requires" in said
    assert peak < LIMIT_KIB
