"""What a conversion accepts, writes, replaces and refuses, on small checkpoints made without PyTorch."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lisa_weights import conversion_limits
from lisa_weights import convert as convert_module
from lisa_weights.convert import Converted, convert
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.layout import read_file
from lisa_weights.verification import Verification
from weights.checkpoint_files import state, tensor, written
from weights.model_files import checkpoint, safetensors, sharded, single, write

INDEX = "model.safetensors.index.json"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
PARTS = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")


def files_of(model: Path) -> dict[str, bytes]:
    return {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()}


def in_parts(model: Path, weight_map: dict[str, str], **of_parts: bytes) -> Path:
    """A checkpoint in two files with an index."""
    for name, structure in zip(PARTS, of_parts.values(), strict=True):
        written(model, structure, data=bytes(range(16)), file=name)
    write(
        model, {"config.json": b"{}", "pytorch_model.bin.index.json": json.dumps({"weight_map": weight_map}).encode()}
    )
    return model


def refused(model: Path, said: str, **options: Any) -> str:
    """Convert, expect an error, and that the directory is as it was; the error's text."""
    before = files_of(model)
    with pytest.raises(WeightsError, match=said) as caught:
        convert(model, **options)
    assert files_of(model) == before
    return str(caught.value)


def test_result_lists_files_tensors_and_digests(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor(), b=tensor(shape=(2,)), step=b"K\7"), data=bytes(range(16)))
    done = convert(model)
    content = (model / "model.safetensors").read_bytes()
    assert (done.directory, done.written, done.skipped) == (model, True, ("step",))
    assert [(one.name, one.size, one.sha256) for one in done.files] == [
        ("model.safetensors", len(content), hashlib.sha256(content).hexdigest())
    ]
    assert sorted(one.name for one in done.tensors) == ["a", "b"]
    assert read_file(model / "model.safetensors").metadata == {"format": "pt"}
    assert sorted(files_of(model)) == ["model.safetensors", "pytorch_model.bin"]


def test_converted_model_is_not_converted_again(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor()))
    first = convert(model)
    again = convert(model)
    assert (again.written, again.skipped, again.tensors) == (False, (), first.tensors)
    assert [(one.name, one.size, one.sha256) for one in again.files] == [
        (one.name, one.size, None) for one in first.files
    ]


def test_without_verification_there_are_no_digests(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor()), data=bytes(range(16)))
    assert [one.sha256 for one in convert(model, verify=False).files] == [None]
    assert (model / "model.safetensors").read_bytes().endswith(bytes(range(16)))


def test_shards_have_an_index(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor(), b=tensor()), data=bytes(range(16)))
    done = convert(model, max_shard_size=16)
    assert [one.name for one in done.files] == [*SHARDS, INDEX]
    index = json.loads((model / INDEX).read_bytes())
    assert index == {"metadata": {"total_size": 32}, "weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}
    assert [one.name for one in done.tensors] == ["a", "b"]
    again = convert(model)
    assert ([one.name for one in again.files], again.written) == ([*SHARDS, INDEX], False)


def test_one_shard_where_all_fits(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor(), b=tensor()))
    assert [one.name for one in convert(model, max_shard_size=32).files] == ["model.safetensors"]


@pytest.mark.parametrize("size", [0, -1])
def test_shard_size_must_be_positive(tmp_path: Path, size: int) -> None:
    model = written(tmp_path / "m", state(a=tensor()))
    refused(model, "The maximum shard size must be at least one byte; use, for example, 2GB", max_shard_size=size)
    assert len(convert(model, max_shard_size=1).files) == 1


def test_shards_of_a_checkpoint_are_joined(tmp_path: Path) -> None:
    weight_map = {"a": PARTS[0], "b": PARTS[1]}
    model = in_parts(tmp_path / "m", weight_map, first=state(a=tensor(), x=b"K\1"), second=state(b=tensor(), x=b"K\1"))
    done = convert(model)
    assert ([one.name for one in done.tensors], done.skipped) == (["a", "b"], ("x",))


def test_tensor_in_two_files_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    weight_map = {"a": PARTS[0], "b": PARTS[1]}
    model = in_parts(tmp_path / "m", weight_map, first=state(a=tensor()), second=state(a=tensor(), b=tensor()))
    refused(model, "Tensor 'a' is in two files of the checkpoint; download the model again")


def test_index_of_a_checkpoint_must_match_its_files(tmp_path: Path) -> None:
    weight_map = {"a": PARTS[0], "b": PARTS[0], "c": PARTS[1]}
    model = in_parts(tmp_path / "m", weight_map, first=state(a=tensor()), second=state(b=tensor(), c=tensor()))
    refused(model, f"maps 'b' to {PARTS[0]}")


@pytest.mark.parametrize(("count", "is_refused"), [(3, False), (4, True)])
def test_tensors_of_a_checkpoint_are_counted_in_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, is_refused: bool
) -> None:
    monkeypatch.setattr(conversion_limits, "MAX_TENSORS", 3)
    skipped = {"x": b"K\1"} if count == 4 else {}
    weight_map = {"a": PARTS[0], "b": PARTS[1]}
    model = in_parts(
        tmp_path / "m", weight_map, first=state(a=tensor(), c=tensor(), **skipped), second=state(b=tensor())
    )
    if is_refused:
        refused(model, "m has more than 3 tensors or other entries")
    else:
        assert convert(model).written


def test_names_of_safetensors_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write(tmp_path / "m", sharded())
    monkeypatch.setattr(convert_module, "_MAX_NAMES", 2)
    assert not convert(model).written
    monkeypatch.setattr(convert_module, "_MAX_NAMES", 1)
    refused(model, "m has more than 1 tensors")


def test_long_names_of_safetensors_count_as_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write(tmp_path / "m", {"config.json": b"{}", "model.safetensors": safetensors({"x" * 128: b"a"})})
    monkeypatch.setattr(convert_module, "_MAX_NAMES", 3)
    assert not convert(model).written
    monkeypatch.setattr(convert_module, "_MAX_NAMES", 2)
    refused(model, "more than 2 tensors")


def test_tensor_in_two_safetensors_is_refused(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"x": SHARDS[0], "y": SHARDS[1]}}).encode()
    tensors = {SHARDS[0]: safetensors({"x": b"a", "z": b"b"}), SHARDS[1]: safetensors({"y": b"a", "z": b"b"})}
    model = write(tmp_path / "m", {**tensors, INDEX: index})
    refused(model, f"{SHARDS[1]} has a tensor that is also in another file; download the model again")


def test_index_of_safetensors_must_match_its_files(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"x": SHARDS[0], "y": SHARDS[0], "z": SHARDS[1]}}).encode()
    tensors = {SHARDS[0]: safetensors({"x": b"a"}), SHARDS[1]: safetensors({"y": b"a", "z": b"b"})}
    refused(write(tmp_path / "m", {**tensors, INDEX: index}), f"maps 'y' to {SHARDS[0]}")


def test_replaced_safetensors_are_removed_with_their_index(tmp_path: Path) -> None:
    model = write(tmp_path / "m", sharded())
    written(model, state(a=tensor()))
    replacing = (*SHARDS, INDEX, "absent.safetensors")
    done = convert(model, replacing=replacing)
    assert [one.name for one in done.files] == ["model.safetensors"]
    assert not {*SHARDS, INDEX} & files_of(model).keys()


def test_safetensors_are_not_replaced_unless_named(tmp_path: Path) -> None:
    model = write(tmp_path / "m", single())
    written(model, state(a=tensor()))
    assert not convert(model).written


def test_index_is_removed_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write(tmp_path / "m", sharded())
    written(model, state(a=tensor()))
    removed: list[str] = []
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda path, **how: removed.append(path.name) or unlink(path, **how))
    convert(model, replacing=(*SHARDS, INDEX))
    assert removed[0] == INDEX
    assert set(removed[1:3]) == set(SHARDS)


def test_modules_replace_their_own_files_only(tmp_path: Path) -> None:
    model = write(
        tmp_path / "m",
        {**single(), "2_Dense/config.json": b"{}", "2_Dense/model.safetensors": safetensors({"o": b"x"})},
    )
    written(model / "2_Dense", state(**{"linear.weight": tensor()}))
    assert not convert(model).written
    done = convert(model, replacing=("2_Dense/model.safetensors",))
    assert done.written
    assert [one.name for one in done.files] == ["model.safetensors", "2_Dense/model.safetensors"]
    assert [one.name for one in done.tensors] == ["w", "linear.weight"]
    assert (model / "model.safetensors").read_bytes() == single()["model.safetensors"]


def test_modules_without_a_checkpoint_are_left_alone(tmp_path: Path) -> None:
    model = write(tmp_path / "m", {**single(), "2_Dense/config.json": b"{}", "3_Dense/config.json": b"{}"})
    written(model / "3_Dense", state(w=tensor(), step=b"K\1"))
    done = convert(model)
    assert [one.name for one in done.files] == ["model.safetensors", "3_Dense/model.safetensors"]
    assert done.skipped == ("step",)
    assert not (model / "2_Dense/model.safetensors").exists()


def test_progress_is_of_the_model_and_ends_with_all_bytes(tmp_path: Path) -> None:
    model = written(tmp_path / "m", state(a=tensor()))
    seen: list[tuple[str, int, int]] = []
    done = convert(model, progress=lambda *step: seen.append(step))
    (file,) = done.files
    assert {step for step, _, _ in seen} == {"convert", "verify"}
    assert {total for _, _, total in seen} == {file.size}
    assert max(count for step, count, _ in seen if step == "verify") == file.size


def test_what_the_files_lack_is_found_before_they_are_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = written(tmp_path / "m", state(a=tensor(), b=tensor(), c=tensor()))
    layouts = convert_module._layouts

    def lossy(parts: Any, size: int) -> Any:
        return layouts({name: part for name, part in parts.items() if name == "a"}, size)

    monkeypatch.setattr(convert_module, "_layouts", lossy)
    refused(model, "wrote 2 tensors that differ from the checkpoint, 'b' among them")


def test_expansion_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = written(tmp_path / "m", state(a=tensor(shape=(400,), strides=(0,))))
    given = (model / "pytorch_model.bin").stat().st_size
    monkeypatch.setattr(conversion_limits, "_ALWAYS_ALLOWED", 0)
    monkeypatch.setattr(conversion_limits, "_MAX_EXPANSION", 1)
    said = refused(model, "too much for weights; download it again")
    needed = int(said.split("would become ")[1].split(",")[0])
    assert f"m has {given} bytes" in said
    assert needed > given
    monkeypatch.setattr(conversion_limits, "_ALWAYS_ALLOWED", needed - given - 1)
    refused(model, "too much for weights")
    monkeypatch.setattr(conversion_limits, "_ALWAYS_ALLOWED", needed - given)
    assert [one.size for one in convert(model).files] == [needed]


def test_small_checkpoints_may_expand_to_64_mib(tmp_path: Path) -> None:
    elements = (60 << 20) // 4
    model = written(tmp_path / "m", state(a=tensor(shape=(elements,), strides=(0,))))
    assert [one.size > 60 << 20 for one in convert(model).files] == [True]
    (model / "model.safetensors").unlink()
    written(model, state(a=tensor(shape=((66 << 20) // 4,), strides=(0,))))
    refused(model, "too much for weights")


@pytest.mark.parametrize(("free", "is_refused"), [(-1, True), (0, False)])
def test_disk_must_have_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, is_refused: bool) -> None:
    model = written(tmp_path / "m", state(a=tensor()))
    (file,) = convert(shutil.copytree(model, tmp_path / "other")).files
    usage = shutil.disk_usage(model)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=file.size + free))
    if is_refused:
        said = refused(model, "The disk is too full to convert m")
        assert f"{file.size} bytes are required, {file.size - 1} are free" in said
    else:
        assert convert(model).written


def test_checksums_are_compared_where_asked_for(tmp_path: Path) -> None:
    model = tmp_path / "m"
    content = checkpoint(b"abcdefgh")
    at = content.index(b"abcdefgh")
    write(model, {"config.json": b"{}", "pytorch_model.bin": content[:at] + b"X" + content[at + 1 :]})
    refused(model, "its bytes do not match its checksum", checksums=True)
    assert convert(model).written


def test_what_was_written_is_compared_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = written(tmp_path / "m", state(a=tensor()), data=bytes(range(16)))

    def unequal(*_: object) -> None:
        raise WeightsError("compared")

    monkeypatch.setattr(Verification, "copy", unequal)
    refused(model, "compared")
    assert isinstance(convert(model, verify=False), Converted)
