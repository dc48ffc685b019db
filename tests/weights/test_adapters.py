"""LoRA adapters: judged by their settings and tensors, compared with their base models, locked and kept as adapters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lisa_weights.acquisition import import_weights
from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from lisa_weights.lock import lock_file
from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.lock.locked_adapter import LockedAdapter
from lisa_weights.model_directory import LocalState, read_directory
from lisa_weights.resolve import IssueKind, Resolution, resolve
from lisa_weights.safetensors.layout import read_file
from lisa_weights.status import LockState, status
from lisa_weights.steps import no_progress
from lisa_weights.workspace import Workspace
from weights.adapter_files import ADAPTER, BASE, HIDDEN, ROWS, adapter, base, factors, settings, tensors
from weights.model_files import checkpoint, write

BASES = {ADAPTER: (BASE,)}
LAYER = "model.layers.0.self_attn.q_proj"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    project = tmp_path / "project"
    project.mkdir()
    return Workspace(
        project=project,
        environment="dev",
        bucket_name="models",
        needed=(BASE, ADAPTER),
        endpoint_url=None,
        bases=BASES,
    )


def resolved(project: Path, lock: WeightsLock | None = None, *, change: bool = True) -> Resolution:
    return resolve([BASE, ADAPTER], project, lock or WeightsLock(), change=change, bases=BASES)


def reasons(found: Resolution, kind: IssueKind) -> str:
    (issue,) = found.issues
    assert (issue.model, issue.kind) == (ADAPTER, kind)
    return "; ".join(issue.reasons)


def test_adapter_and_base_are_locked_and_the_fit_is_recorded(tmp_path: Path) -> None:
    write(tmp_path / BASE, base())
    write(tmp_path / ADAPTER, adapter() | {"tokenizer.json": b"{}", "README.md": b"# An adapter"})
    found = resolved(tmp_path)
    assert found.issues == ()
    entry = found.lock.models[ADAPTER]
    assert [file.path for file in entry.files] == ["adapter_config.json", "adapter_model.safetensors"]
    prefix = found.lock.models[BASE].prefix
    assert prefix is not None
    assert entry.adapter == LockedAdapter(rank=4, base_model=BASE, fits=(prefix,))
    assert entry.prefix == f"{ADAPTER}/{entry.content_digest}"
    assert [proof.summary for proof in entry.proofs] == ["headers: 8 tensors, complete by their headers"]
    assert found.lock.models[BASE].adapter is None
    lock_file.save(tmp_path / "lock", found.lock)
    assert lock_file.load(tmp_path / "lock") == found.lock
    omitted = [file.path for file in read_directory(tmp_path / ADAPTER).omitted]
    assert omitted == ["README.md", "tokenizer.json"]


def test_recorded_fit_holds_without_the_files(tmp_path: Path) -> None:
    write(tmp_path / "both" / BASE, base())
    write(tmp_path / "both" / ADAPTER, adapter())
    lock = resolved(tmp_path / "both").lock
    assert resolved(tmp_path / "none", lock).issues == ()
    assert resolved(tmp_path / "none", lock, change=False).issues == ()


@pytest.mark.parametrize("change", [True, False])
def test_fit_is_unknown_where_the_base_is_absent(tmp_path: Path, change: bool) -> None:
    write(tmp_path / "base" / BASE, base())
    lock = resolve([BASE], tmp_path / "base", WeightsLock()).lock
    write(tmp_path / "adapter" / ADAPTER, adapter())
    lock = resolve([ADAPTER], tmp_path / "adapter", lock).lock
    found = resolved(tmp_path / "adapter", lock, change=change)
    assert reasons(found, IssueKind.UNCOMPARED) == BASE
    assert found.lock == lock


def test_other_content_of_the_base_is_compared_again(tmp_path: Path) -> None:
    write(tmp_path / BASE, base())
    write(tmp_path / ADAPTER, adapter())
    first = resolved(tmp_path).lock
    write(tmp_path / BASE, base(layers=1))
    found = resolved(tmp_path, first)
    assert "the base model lacks model.layers.1.self_attn.q_proj and 1 more modules" in reasons(found, IssueKind.MISFIT)
    assert found.lock.models[ADAPTER] == first.models[ADAPTER]


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        (factors("model.layers.9.self_attn.q_proj"), "the base model lacks model.layers.9.self_attn.q_proj"),
        (factors("model.layers.0.mlp.up_proj"), "the base model lacks model.layers.0.mlp.up_proj"),
        (factors(LAYER, inputs=HIDDEN + 1), f"{LAYER} is 8 by 9 in the adapter and 8 by 8 in the base model"),
        (factors(LAYER, outputs=HIDDEN // 2), f"{LAYER} is 4 by 8 in the adapter and 8 by 8 in the base model"),
        (
            factors(LAYER) | {"base_model.model.model.embed_tokens.base_layer.weight": (ROWS + 1, HIDDEN)},
            "model.embed_tokens is 17 by 8 in the adapter and 16 by 8 in the base model",
        ),
    ],
)
def test_adapter_of_another_model_is_refused(tmp_path: Path, shapes: dict[str, tuple[int, ...]], reason: str) -> None:
    write(tmp_path / BASE, base())
    write(tmp_path / ADAPTER, adapter(shapes))
    found = resolved(tmp_path)
    assert f"it does not fit {BASE}: {reason}" in reasons(found, IssueKind.MISFIT)
    assert ADAPTER not in found.lock.models


@pytest.mark.parametrize(
    ("shapes", "changes"),
    [
        (factors("lm_head", outputs=ROWS), {}),
        (factors("layers.0.self_attn.q_proj"), {}),
        (factors("classifier.model.layers.0.self_attn.q_proj"), {}),
        (factors("language_model.model.layers.0.self_attn.q_proj"), {}),
        (
            {
                "base_model.model.model.embed_tokens.lora_embedding_A": (4, ROWS),
                "base_model.model.model.embed_tokens.lora_embedding_B": (HIDDEN, 4),
                "base_model.model.model.embed_tokens.base_layer.weight": (ROWS, HIDDEN),
            },
            {},
        ),
        (factors("model.layers.0.mlp.experts.3.up_proj") | factors(LAYER), {}),
        (factors(LAYER, rank=2) | factors("model.layers.1.self_attn.v_proj"), {"rank_pattern": {LAYER: 2}}),
        (factors(LAYER) | {"base_model.model.score.weight": (2, HIDDEN)}, {"modules_to_save": ["score"]}),
    ],
)
def test_adapters_that_fit(tmp_path: Path, shapes: dict[str, tuple[int, ...]], changes: dict[str, Any]) -> None:
    write(tmp_path / BASE, base())
    write(tmp_path / ADAPTER, adapter(shapes, **changes))
    assert resolved(tmp_path).issues == ()


def test_tied_head_and_class_prefixes_of_other_architectures(tmp_path: Path) -> None:
    names = {"transformer.wte.weight": (16, 8), "encoder.layer.0.attention.self.query.weight": (8, 8)}
    write(tmp_path / BASE, {"config.json": b"{}", "model.safetensors": tensors(names)})
    shapes = factors("lm_head", outputs=16) | factors("bert.encoder.layer.0.attention.self.query")
    write(tmp_path / ADAPTER, adapter(shapes))
    assert resolved(tmp_path).issues == ()
    names = {"bert.encoder.layer.0.attention.self.query.weight": (8, 8)}
    write(tmp_path / BASE, {"config.json": b"{}", "model.safetensors": tensors(names)})
    write(tmp_path / ADAPTER, adapter(factors("encoder.layer.0.attention.self.query")))
    assert resolved(tmp_path).issues == ()


def test_transposed_and_packed_weights_are_compared_as_they_are(tmp_path: Path) -> None:
    names = {"transformer.h.0.attn.c_attn.weight": (8, 24), "transformer.h.0.attn.packed.qweight": (1, 3)}
    write(tmp_path / BASE, {"config.json": b"{}", "model.safetensors": tensors(names)})
    shapes = factors("transformer.h.0.attn.c_attn", inputs=8, outputs=24) | factors("transformer.h.0.attn.packed")
    write(tmp_path / ADAPTER, adapter(shapes, fan_in_fan_out=True))
    assert resolved(tmp_path).issues == ()
    write(tmp_path / ADAPTER, adapter(shapes))
    assert "c_attn is 24 by 8 in the adapter and 8 by 24" in reasons(resolved(tmp_path), IssueKind.MISFIT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"peft_type": "IA3"}, "it is a IA3 adapter, and vLLM serves LoRA adapters: merge the adapter"),
        ({"use_dora": True}, "it uses DoRA"),
        ({"lora_bias": True}, "it uses LoRA bias"),
        ({"bias": "all"}, "it has trained biases (`bias: all`)"),
        ({"modules_to_save": ["lm_head", "score"]}, "it replaces complete modules (`modules_to_save: lm_head`)"),
        ({"init_lora_weights": "pissa"}, "it was trained on changed base weights (`init_lora_weights: pissa`)"),
        ({"layer_replication": [[0, 2]]}, "it uses layer_replication"),
        ({"r": 1024}, "its rank 1024 exceeds 512"),
        ({"rank_pattern": {"q_proj": 600}}, "its rank 600 exceeds 512"),
        ({"r": "16"}, "adapter_config.json has no valid rank"),
        ({"r": 0}, "adapter_config.json has no valid rank"),
        ({"r": 8}, f"{LAYER} has rank 4, and adapter_config.json specifies 8"),
        ({"rank_pattern": {"q_proj": 2}}, f"{LAYER} has rank 4, and adapter_config.json specifies 2"),
    ],
)
def test_adapter_that_vllm_does_not_serve_is_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    write(tmp_path / ADAPTER, adapter(**changes))
    found = resolve([ADAPTER], tmp_path, WeightsLock())
    assert reason in reasons(found, IssueKind.REFUSED)
    assert found.lock == WeightsLock()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"adapter_config.json": b"{"}, "adapter_config.json is not JSON"),
        ({"adapter_config.json": b"[]"}, "adapter_config.json is not a JSON object"),
        ({"adapter_config.json": b'{"r": 4}'}, "adapter_config.json lacks `lora_alpha`"),
        (
            {"adapter_config.json": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"},
            "adapter_config.json is a Git LFS pointer",
        ),
        ({"adapter_model.safetensors": tensors({})}, "it has no LoRA tensors"),
        ({"adapter_model.safetensors": tensors({"x.weight": (1,)})}, "x.weight is not a LoRA tensor"),
        (
            {"adapter_model.safetensors": tensors({f"base_model.model.{LAYER}.lora_A.weight": (4, 8)})},
            f"{LAYER} has one of the two LoRA tensors",
        ),
        (
            {"adapter_model.safetensors": tensors({f"base_model.model.{LAYER}.lora_magnitude_vector": (8,)})},
            "lora_magnitude_vector is not a LoRA tensor",
        ),
    ],
)
def test_damaged_adapter_is_refused(tmp_path: Path, files: dict[str, bytes], reason: str) -> None:
    write(tmp_path / ADAPTER, adapter() | files)
    assert reason in reasons(resolve([ADAPTER], tmp_path, WeightsLock()), IssueKind.REFUSED)


def test_adapter_without_its_tensors_is_incomplete(tmp_path: Path) -> None:
    files = adapter()
    del files["adapter_model.safetensors"]
    write(tmp_path / ADAPTER, files)
    found = resolve([ADAPTER], tmp_path, WeightsLock())
    assert reasons(found, IssueKind.INCOMPLETE) == "adapter_model.safetensors is missing"


def test_pattern_of_ranks_cannot_take_forever(tmp_path: Path) -> None:
    module = f"{'a' * 900}.q_proj"
    write(tmp_path / ADAPTER, adapter(factors(module), rank_pattern={"(a+)+b": 4}))
    assert resolve([ADAPTER], tmp_path, WeightsLock()).issues == ()


def test_checkpoint_is_converted_under_the_name_of_an_adapter(tmp_path: Path) -> None:
    files = {"adapter_config.json": json.dumps(settings()).encode(), "adapter_model.bin": checkpoint(b"abcd")}
    directory = write(tmp_path / "m", files)
    assert read_directory(directory).state is LocalState.CHECKPOINT
    done = convert(directory, max_shard_size=1)
    assert [file.name for file in done.files] == ["adapter_model.safetensors"]
    assert {path.name for path in directory.iterdir()} == {*files, "adapter_model.safetensors"}
    assert [tensor.name for tensor in read_file(directory / "adapter_model.safetensors").tensors] == ["w"]
    assert not convert(directory).written


def test_imported_adapter_is_locked_with_its_base(workspace: Workspace, tmp_path: Path) -> None:
    for name, files in ((BASE, base()), (ADAPTER, adapter())):
        list(import_weights(workspace, write(tmp_path / name, files), name, no_progress, replace_existing=False))
    entry = workspace.locked(ADAPTER)
    assert entry.adapter is not None
    assert entry.adapter.fits == (workspace.locked(BASE).prefix,)
    rows = {row.model: row for row in status(workspace.needed, workspace.models, workspace.lock())}
    assert (rows[ADAPTER].local, rows[ADAPTER].lock) == (LocalState.COMPLETE, LockState.LOCKED)
    assert rows[ADAPTER].problems == ()


def test_imported_adapter_of_another_model_is_not_locked(workspace: Workspace, tmp_path: Path) -> None:
    list(import_weights(workspace, write(tmp_path / "base", base(1)), BASE, no_progress, replace_existing=False))
    carried = write(tmp_path / "adapter", adapter())
    with pytest.raises(WeightsError, match=f"models/{ADAPTER} cannot be locked: it does not fit {BASE}"):
        list(import_weights(workspace, carried, ADAPTER, no_progress, replace_existing=False))
    assert ADAPTER not in workspace.lock().models
