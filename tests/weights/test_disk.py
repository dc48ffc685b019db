"""A conversion on a disk that is full, refuses, or has what a killed or another conversion left."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from lisa_weights import disk, verification
from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors import writing
from lisa_weights.temporary_directory import temporary_directory
from weights.checkpoint_files import listed, state, tensor, written


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full; free up space"),
        (errno.EDQUOT, "the disk quota is exceeded"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EIO, "Input/output error; check the disk"),
    ],
)
def test_refusals_of_the_system_are_explained(number: int, said: str) -> None:
    with pytest.raises(WeightsError, match=f"m was not converted: {said}"), disk.explain_errors(Path("m")):
        raise OSError(number, os.strerror(number))


def test_refusal_without_a_number_is_explained() -> None:
    with pytest.raises(WeightsError, match="m was not converted: odd; check the disk"), disk.explain_errors(Path("m")):
        raise OSError("odd")


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("shard_size", [8, 1000])
@pytest.mark.parametrize(
    "refusal",
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "permission denied"), (errno.EIO, "check the disk")],
)
def test_a_disk_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: tuple[int, str], shard_size: int, verify: bool
) -> None:
    number, said = refusal

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    model = written(tmp_path / "m", state(a=tensor(), b=tensor(), c=tensor()))
    monkeypatch.setattr(writing, "copy_range", refuse)
    monkeypatch.setattr(verification, "write_all", refuse)
    with pytest.raises(WeightsError, match=said):
        convert(model, max_shard_size=shard_size, verify=verify)
    assert listed(model) == ["pytorch_model.bin"]


def test_a_disk_without_room_is_told_of_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = written(tmp_path / "m", state(a=tensor(shape=(400,), strides=(0,))))
    usage = shutil.disk_usage(model)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(WeightsError, match="too full to convert m"):
        convert(model)


def test_a_tensor_that_expands_a_few_bytes_without_end(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor(shape=(1 << 40,), strides=(0,))))
    with pytest.raises(WeightsError, match="too much for weights"):
        convert(model)


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor()))
    (model / ".lisa-converting").mkdir()
    (model / ".lisa-converting" / "model-00002-of-00002.safetensors").write_bytes(b"half")
    (model / ".lisa-converting" / "moving").write_text(
        "model-00001-of-00002.safetensors\nmodel-00002-of-00002.safetensors\n../other"
    )
    (model / "model-00001-of-00002.safetensors").write_bytes(b"moved")
    (tmp_path / "other").write_text("kept")
    convert(model)
    assert listed(model) == ["model.safetensors", "pytorch_model.bin"]
    assert (tmp_path / "other").exists()


def test_two_runs_at_once(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor()))
    with (
        temporary_directory(model),
        pytest.raises(WeightsError, match="Another process is converting m"),
    ):
        convert(model)
