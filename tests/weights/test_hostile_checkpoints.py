"""Checkpoints that were made to do harm, or were damaged: refused in a sentence, in bounded time and memory."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import random
import time
import zipfile
from pathlib import Path

import pytest

from lisa_weights.checkpoint import pickle_stream, pickles
from lisa_weights.checkpoint.pickles import read_pickle
from lisa_weights.checkpoint.torch_records import NAMES, storage_of
from lisa_weights.convert import convert
from lisa_weights.copying import BLOCK_BYTES
from lisa_weights.errors import WeightsError
from weights.checkpoint_files import LEGACY_START, legacy, listed, state, tensor, text, written


def refused(model: Path, said: str) -> None:
    before = listed(model)
    with pytest.raises(WeightsError, match=said):
        convert(model)
    assert listed(model) == before


def test_the_plain_checkpoint_of_these_tests_is_good(tmp_path: Path) -> None:
    (info,) = convert(written(tmp_path / "m", state(w=tensor()))).tensors
    assert (info.name, info.shape) == ("w", (4,))


def test_compressed_entries_are_read(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(16)
    model = written(tmp_path / "m", state(w=tensor()), data=data, method=zipfile.ZIP_DEFLATED)
    convert(model)
    assert (model / "model.safetensors").read_bytes().endswith(data)


@pytest.mark.parametrize(
    "name",
    ["os\nsystem", "builtins\neval", "torch\nload", "torch.nn.modules.linear\nLinear", "numpy.f2py\ncompile"],
)
@pytest.mark.parametrize("old", [False, True])
def test_a_name_outside_the_allowlist_is_told_and_never_imported(tmp_path: Path, name: str, old: bool) -> None:
    attack = b"\x80\x02c" + name.encode() + b"\n(" + text("touch " + str(tmp_path / "ran")) + b"tR."
    model = written(tmp_path / "m", attack)
    if old:
        (model / "pytorch_model.bin").write_bytes(LEGACY_START + attack)
    refused(model, f"it imports '{name}'".replace("\n", ".").replace(".", r"\."))
    assert not (tmp_path / "ran").exists()


def test_a_name_from_the_stack_is_refused_too(tmp_path: Path) -> None:
    refused(written(tmp_path / "m", pickle.dumps({"a": os.system}, 4)), r"it imports 'posix\.system'")


@pytest.mark.parametrize(
    ("structure", "said"),
    [
        (state(w=tensor(offset=1)), "reaches outside its storage '0'"),
        (state(w=tensor(shape=(2, 2), strides=(3, 1))), "reaches outside"),
        (state(w=tensor(offset=-1)), "invalid size, stride or offset"),
        (state(w=tensor(shape=(-4,))), "invalid size, stride or offset"),
        (state(w=tensor(shape=(1 << 62,))), "invalid size, stride or offset"),
        (state(w=tensor(shape=(4, 1))), "do not match"),
        (state(w=tensor(shape=(1,) * 65, strides=(1,) * 65)), "do not match"),
        (state(w=tensor(count=5)), "has 16 bytes of storage '0' where 20 belong"),
        (state(w=tensor(key="1")), "has no bytes of storage '1'"),
        (state(w=tensor(), v=tensor(count=3, shape=(3,))), "two lengths"),
        (state(__metadata__=tensor()), "safetensors does not support"),
        (state(a=b"K\x01"), "contains no tensors"),
        (state(a=b"}(" + text("w") + tensor() + b"u"), "nested under 'a'"),
        (b"\x80\x02K\x01.", "does not contain a state_dict"),
        (b"\x80\x02}r\xff\xff\xff\xff0.", "uses a missing value"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f.", "more than 128 bits"),
        (b"\x80\x02X\xff\xff\xff\xff.", "longer than the file"),
        (b"\x80\x02\x82", "operation 0x82"),
        (b"\x80\x02h\x05.", "did not store"),
        (b"\x80\x02t.", "was not started"),
        (b"\x80\x02}", "is truncated"),
        (b"\x80\x02})R.", "calls a value that is not callable"),
        (b"(iposix\nsystem\n.", r"it imports 'posix\.system'"),
        (b"(cposix\nsystem\no.", r"it imports 'posix\.system'"),
        (b"(o.", "calls a value that is not callable"),
        (b"(inumpy\nndarray\n.", "calls a value that is not callable"),
        (b"I1e9\n.", "a number or a text that is none"),
        (b"I" + b"9" * 39 + b"\n.", "a number or a text that is none"),
        (b"Fx\n.", "a number or a text that is none"),
        (b"S'a\n.", "a number or a text that is none"),
        (b"S'\\x'\n.", "a number or a text that is none"),
        (b"V\\u00\n.", "a number or a text that is none"),
        (b"Np-1\n.", "a number or a text that is none"),
        (b"Vabc", "without an end"),
        (b"P('storage', <class 'os.system'>, '0', 'cpu', 4)\n.", "is not a storage"),
        (b"Pwhatever\n.", "is not a storage"),
    ],
)
def test_structures_that_cannot_be(tmp_path: Path, structure: bytes, said: str) -> None:
    refused(written(tmp_path / "m", structure), said)


def test_bounds_of_operations_and_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "_MAX_OPERATIONS", 1000)
    monkeypatch.setattr(pickle_stream, "_MAX_MEMORY", 1 << 20)
    with pytest.raises(WeightsError, match="more than 1000 operations"):
        read_pickle(io.BytesIO(b"N0" * 1000 + b"N."), NAMES, storage_of, what="x")
    with pytest.raises(WeightsError, match="requires more than 1 MiB"):
        read_pickle(io.BytesIO(b"X\xff\xff\x0f\0" + b"a" * 0xFFFFF + b"."), NAMES, storage_of, what="x")


def test_hashing_of_nested_keys_does_not_take_for_ever() -> None:
    nested = b"\x80\x02}K\x01" + b"2\x86" * 200 + b"K\x01s."
    began = time.monotonic()
    assert isinstance(read_pickle(io.BytesIO(nested), NAMES, storage_of, what="x"), dict)
    assert time.monotonic() - began < 1


def test_a_zip_bomb(tmp_path: Path) -> None:
    model = written(
        tmp_path / "m",
        state(w=tensor(count=1 << 23, shape=(1 << 23,))),
        data=b"\0" * (4 << 23),
        method=zipfile.ZIP_DEFLATED,
    )
    refused(model, "expands from .* too much for weights")


def test_entries_that_share_bytes(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(w=tensor()), other=b"\0" * 16)
    path = model / "pytorch_model.bin"
    content = bytearray(path.read_bytes())
    first, second = (content.rfind(b"PK\1\2", 0, content.rfind(name)) for name in (b"a/data/0", b"a/other"))
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    path.write_bytes(content)
    refused(model, "shares bytes with another entry")


def test_a_file_that_was_cut_off_anywhere(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(w=tensor()))
    whole = (model / "pytorch_model.bin").read_bytes()
    for length in range(len(whole)):
        (model / "pytorch_model.bin").write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            convert(model)
    assert listed(model) == ["pytorch_model.bin"]


def test_a_legacy_file_that_was_cut_off_anywhere(tmp_path: Path) -> None:
    whole = legacy(state(w=tensor()), b"\1" * 16)
    model = tmp_path / "m"
    model.mkdir()
    for length in range(len(whole)):
        (model / "pytorch_model.bin").write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            convert(model)
    (model / "pytorch_model.bin").write_bytes(whole)
    assert convert(model).tensors[0].nbytes == 16


@pytest.mark.parametrize("content", [b"", b"PK", b"#!/bin/sh\n", b"\x80\x02K\x01."])
def test_what_is_no_checkpoint_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    refused(tmp_path, "model.bin")


def test_a_torchscript_program(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(w=tensor()), **{"constants.pkl": b"", "code/x.py": b""})
    refused(model, "is a TorchScript program")


def test_a_big_endian_machine(tmp_path: Path) -> None:
    refused(written(tmp_path / "m", state(w=tensor()), byteorder=b"big"), "big-endian")


def flipped(model: Path, content: bytes) -> Path:
    """One bit of a stored content changed."""
    path = model / "pytorch_model.bin"
    whole = bytearray(path.read_bytes())
    whole[whole.index(content) + len(content) // 2] ^= 0x10
    path.write_bytes(whole)
    return model


WHOLE = tensor()
PART = tensor(shape=(2,))
TURNED = tensor(shape=(2, 2), strides=(1, 2))


@pytest.mark.parametrize("views", [{"w": WHOLE}, {"w": PART}, {"w": TURNED}, {"w": WHOLE, "v": PART}])
def test_a_flipped_bit_of_a_storage_is_found_by_its_checksum(tmp_path: Path, views: dict[str, bytes]) -> None:
    data = random.Random(3).randbytes(16)
    model = flipped(written(tmp_path / "m", state(**views), data=data), data)
    with pytest.raises(WeightsError, match=r"a/data/0 in pytorch_model\.bin is damaged"):
        convert(model, checksums=True)
    assert listed(model) == ["pytorch_model.bin"]
    assert convert(model).written


def test_a_flipped_bit_of_the_structure_is_always_found(tmp_path: Path) -> None:
    refused(flipped(written(tmp_path / "m", state(w=tensor())), state(w=tensor())), "does not match its checksum")


def test_sound_storages_of_several_pieces_have_their_checksums(tmp_path: Path) -> None:
    count = 5 * BLOCK_BYTES // 16
    data = random.Random(4).randbytes(4 * count)
    views = state(w=tensor(count=count, shape=(count,)), v=tensor(count=count, shape=(9,), offset=7))
    model = written(tmp_path / "m", views, data=data)
    (file,) = convert(model, checksums=True).files
    assert file.sha256 == hashlib.sha256((model / file.name).read_bytes()).hexdigest()
    assert (model / file.name).read_bytes().endswith(data[28:64] + data)


def test_a_writer_that_leaves_the_checksums_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "crc32", lambda *_: 0)
    convert(written(tmp_path / "m", state(w=tensor())), checksums=True)


def test_a_storage_of_an_endless_name(tmp_path: Path) -> None:
    refused(written(tmp_path / "m", state(w=tensor(key="0" * 129))), "is not a storage")
