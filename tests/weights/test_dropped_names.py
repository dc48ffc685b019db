"""Names that share bytes: all are written, and a model that an older converter made without some of them is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lisa_weights import convert as convert_module
from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from lisa_weights.lock import WeightsLock
from lisa_weights.memory import Memory
from lisa_weights.model_directory import LocalState, lock_directory, read_directory
from lisa_weights.output_tensors import CONVERTER_VERSION
from lisa_weights.resolve import Problem, Resolution, resolve
from lisa_weights.safetensors_file import lay_out, read_file
from lisa_weights.status import Condition, Step, status
from lisa_weights.tensors import Dtype, TensorInfo
from weights.checkpoint_files import state, tensor, text, written

MODEL = "org/name"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
TIED = {EMBEDDING: HEAD}
BYTES = bytes(range(16))
UNTIED_LLAMA = {"model_type": "llama"}


def tied_checkpoint(directory: Path, *, overlap: bool = False) -> Path:
    """A checkpoint whose embedding and output head share a storage, or overlap in it."""
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(UNTIED_LLAMA))
    head = tensor(offset=1, shape=(3,)) if overlap else tensor()
    return written(directory, state(**{EMBEDDING: tensor(), HEAD: head}), data=BYTES)


def older(directory: Path, recorded: dict[str, str], config: dict[str, Any] | None = None) -> Path:
    """Safetensors as version 1 wrote them: one name of a shared storage, the others in the metadata."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(UNTIED_LLAMA if config is None else config))
    kept = sorted(set(recorded.values()))
    layout = lay_out([TensorInfo(name, Dtype.F32, (4,), 16) for name in kept], {**recorded, "format": "pt"})
    (directory / "model.safetensors").write_bytes(layout.head + BYTES * len(kept))
    return directory


def stored(directory: Path) -> dict[str, int]:
    header = read_file(directory / "model.safetensors")
    assert dict(header.metadata) == {"format": "pt"}
    return {each.name: each.nbytes for each in header.tensors}


@pytest.mark.parametrize("overlap", [False, True])
def test_conversion_writes_every_name_of_a_shared_storage(tmp_path: Path, overlap: bool) -> None:
    model = tied_checkpoint(tmp_path / "m", overlap=overlap)
    convert(model)
    assert stored(model) == {EMBEDDING: 16, HEAD: 12 if overlap else 16}
    content = (model / "model.safetensors").read_bytes()
    assert content.count(BYTES) == (1 if overlap else 2)
    assert content.endswith(BYTES if not overlap else BYTES[4:] + BYTES)


def test_conversion_that_loses_a_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tied_checkpoint(tmp_path / "m")
    layouts = convert_module._layouts
    monkeypatch.setattr(
        convert_module,
        "_layouts",
        lambda parts, size: layouts({name: part for name, part in parts.items() if name != EMBEDDING}, size),
    )
    with pytest.raises(WeightsError, match=rf"wrote 1 tensors other .*'{EMBEDDING}'"):
        convert(model)
    assert not (model / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("recorded", "config", "is_damaged"),
    [
        (TIED, {"model_type": "llama", "tie_word_embeddings": True}, True),
        ({HEAD: EMBEDDING}, {"model_type": "llama", "tie_word_embeddings": True}, False),
        ({HEAD: EMBEDDING}, {"model_type": "llama", "tie_word_embeddings": False}, True),
        ({HEAD: EMBEDDING}, {"model_type": "llama"}, True),
        ({HEAD: "transformer.wte.weight"}, {"model_type": "gpt2"}, False),
        ({HEAD: "transformer.wte.weight"}, {"model_type": "gpt2", "tie_word_embeddings": False}, True),
        ({HEAD: EMBEDDING}, {"text_config": {"tie_word_embeddings": True}}, False),
        ({"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}, {"model_type": "bert"}, False),
        ({"model.layers.1.mlp.up.weight": "model.layers.0.mlp.up.weight"}, {"tie_word_embeddings": True}, True),
        ({"shared.weight": "decoder.embed_tokens.weight"}, {"model_type": "t5"}, True),
    ],
)
def test_only_a_declared_output_head_may_be_recorded_without_a_tensor(
    tmp_path: Path, recorded: dict[str, str], config: dict[str, Any], is_damaged: bool
) -> None:
    judged = read_directory(older(tmp_path / "m", recorded, config)).completeness
    ((name, kept),) = recorded.items()
    expected = f"model.safetensors lacks {name!r}, which its header records as the same tensor as {kept!r}"
    assert judged.dropped == ((expected,) if is_damaged else ())
    assert judged.problems == judged.dropped


def test_metadata_that_name_no_tensor_are_no_damage(tmp_path: Path) -> None:
    model = older(tmp_path / "m", TIED)
    layout = lay_out([TensorInfo("w", Dtype.F32, (4,), 16)], {"format": "pt", "source": "a run of 2024", "w": "w"})
    (model / "model.safetensors").write_bytes(layout.head + BYTES)
    assert read_directory(model).state is LocalState.COMPLETE


def test_tensor_in_two_files_is_reported(tmp_path: Path) -> None:
    names = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    layout = lay_out([TensorInfo("w", Dtype.F32, (4,), 16)], {"format": "pt"})
    for name in names:
        (tmp_path / name).write_bytes(layout.head + BYTES)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": names[0], "v": names[1]}}))
    assert f"{names[1]} has w, which {names[0]} has too" in read_directory(tmp_path).completeness.problems


def test_damaged_safetensors_are_converted_again_from_their_checkpoint(tmp_path: Path) -> None:
    model = older(tied_checkpoint(tmp_path / "m"), TIED)
    assert read_directory(model).state is LocalState.CHECKPOINT
    assert convert(model).written
    assert stored(model) == {EMBEDDING: 16, HEAD: 16}
    assert read_directory(model).state is LocalState.COMPLETE
    assert not convert(model).written


def test_damaged_safetensors_without_a_checkpoint_are_refused(tmp_path: Path) -> None:
    model = older(tmp_path / "m", TIED)
    before = (model / "model.safetensors").read_bytes()
    with pytest.raises(WeightsError, match=rf"m is damaged: .*'{EMBEDDING}'.* Put its PyTorch checkpoint there"):
        convert(model)
    assert (model / "model.safetensors").read_bytes() == before
    assert read_directory(model).state is LocalState.INCOMPLETE


def resolved(models: Path, lock: WeightsLock | None = None, *, change: bool = True) -> Resolution:
    return resolve([MODEL], models, lock or WeightsLock(), change=change)


@pytest.fixture
def lock(tmp_path: Path) -> WeightsLock:
    model = tied_checkpoint(tmp_path / "made")
    convert(model)
    return WeightsLock({MODEL: replace(lock_directory(read_directory(model)), converter=None)})


def test_lock_gets_the_version_of_the_converter(tmp_path: Path) -> None:
    tied_checkpoint(tmp_path / MODEL)
    assert resolved(tmp_path).lock.models[MODEL].converter == CONVERTER_VERSION


def test_lock_of_safetensors_that_came_with_the_model_has_version_zero(tmp_path: Path) -> None:
    older(tmp_path / MODEL, {HEAD: EMBEDDING}, {"tie_word_embeddings": True})
    assert resolved(tmp_path).lock.models[MODEL].converter == 0


def test_conversion_that_an_older_lisa_remembered_is_version_one(tmp_path: Path) -> None:
    tied_checkpoint(tmp_path / MODEL)
    resolved(tmp_path)
    path = tmp_path / ".lisa-weights.json"
    content = json.loads(path.read_bytes())
    assert content["conversions"][MODEL].pop("converter") == CONVERTER_VERSION
    path.write_text(json.dumps(content))
    assert Memory.load(tmp_path).converter(MODEL) == 1


def test_damaged_local_model_is_converted_again_and_locked(tmp_path: Path) -> None:
    model = older(tied_checkpoint(tmp_path / MODEL), TIED)
    found = resolved(tmp_path)
    assert (found.locked, found.findings) == ((MODEL,), ())
    assert stored(model) == {EMBEDDING: 16, HEAD: 16}


@pytest.mark.parametrize("change", [True, False])
def test_damaged_local_model_without_a_checkpoint_is_found(tmp_path: Path, change: bool) -> None:
    older(tmp_path / MODEL, TIED)
    (finding,) = resolved(tmp_path, change=change).findings
    assert finding.problem is Problem.DAMAGED
    assert EMBEDDING in finding.reasons[0]


def test_comparing_finds_damage_and_changes_nothing(tmp_path: Path) -> None:
    model = older(tied_checkpoint(tmp_path / MODEL), TIED)
    before = (model / "model.safetensors").read_bytes()
    assert [finding.problem for finding in resolved(tmp_path, change=False).findings] == [Problem.DAMAGED]
    assert (model / "model.safetensors").read_bytes() == before


def test_entry_of_an_older_lisa_is_unchecked_until_the_model_is_there(tmp_path: Path, lock: WeightsLock) -> None:
    found = resolved(tmp_path / "none", lock)
    assert [(finding.model, finding.problem) for finding in found.findings] == [(MODEL, Problem.UNCHECKED)]
    (tmp_path / "models" / "org").mkdir(parents=True)
    (tmp_path / "made").rename(tmp_path / "models" / MODEL)
    checked = resolved(tmp_path / "models", lock)
    assert (checked.locked, checked.findings) == ((MODEL,), ())
    assert checked.lock.models[MODEL] == replace(lock.models[MODEL], converter=0)
    assert resolved(tmp_path / "none", checked.lock).findings == ()


def test_status_names_the_command_that_converts_again(tmp_path: Path) -> None:
    older(tied_checkpoint(tmp_path / MODEL), TIED)
    (row,) = status([MODEL], tmp_path, WeightsLock())
    assert (row.condition, row.next_step) == (Condition.DAMAGED, Step.CONVERT)
    assert any(EMBEDDING in problem for problem in row.problems)


def test_status_of_a_damaged_model_without_a_checkpoint_is_to_fetch_it(tmp_path: Path) -> None:
    older(tmp_path / MODEL, TIED)
    (row,) = status([MODEL], tmp_path, WeightsLock())
    assert (row.condition, row.next_step) == (Condition.DAMAGED, Step.FETCH)


def test_status_of_an_entry_of_an_older_lisa_is_unknown(tmp_path: Path, lock: WeightsLock) -> None:
    (row,) = status([MODEL], tmp_path / "none", lock)
    assert row.condition is Condition.UNKNOWN
    assert any("has not been checked since" in problem for problem in row.problems)


def nested(**entries: bytes) -> bytes:
    """A checkpoint's structure: a dictionary of values that are built by other structures."""
    return b"\x80\x02}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u."


def inner(**tensors: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in tensors.items()) + b"u"


@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        (
            nested(model=inner(w=tensor()), model_ema=inner(w=tensor())),
            "two sets of weights, one of them under 'model_ema'",
        ),
        (
            nested(model=inner(w=tensor()), state_dict=inner(w=tensor())),
            "two sets of weights, one of them under 'model'",
        ),
        (nested(model=inner(w=tensor()), scale=tensor()), "has the tensor 'scale' outside its state_dict"),
    ],
)
def test_checkpoint_with_tensors_beside_its_state_dict_is_refused(
    tmp_path: Path, structure: bytes, reason: str
) -> None:
    model = written(tmp_path / "m", structure, data=BYTES)
    with pytest.raises(WeightsError, match=reason):
        convert(model)
    assert not (model / "model.safetensors").exists()


def test_state_of_an_optimizer_and_counters_are_left_out(tmp_path: Path) -> None:
    optimizer = inner(exp_avg=tensor())
    structure = nested(
        state_dict=inner(w=tensor()), optimizer=optimizer, epoch=b"K\x03", loss=tensor(shape=(), strides=())
    )
    model = written(tmp_path / "m", structure, data=BYTES)
    convert(model)
    assert stored(model) == {"w": 16}
