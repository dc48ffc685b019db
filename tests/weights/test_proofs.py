"""The proofs that the lock records, without transformers: what is proved by headers, and what of the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lisa_compiler.cli.weights import print_events
from lisa_weights.errors import WeightsError
from lisa_weights.lock import lock_file
from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.lock.proofs import Proof, ProofKind
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.proof import load
from lisa_weights.proof.load import prove
from lisa_weights.resolve import IssueKind, resolve
from lisa_weights.serving.omissions import OmittedFile
from lisa_weights.stage_events import ModelLocked
from lisa_weights.status import status
from weights.model_files import sharded, single, write

MODEL = "org/name"
PROOFS = (
    Proof(ProofKind.HEADERS, True, "2 tensors"),
    Proof(ProofKind.LOAD, True, "LlamaForCausalLM: 2 tensors loaded", {"torch": "2.13.0", "transformers": "5.19.0"}),
    Proof(ProofKind.GENERATE, False, "there is no PyTorch checkpoint to compare with"),
)


@pytest.fixture(autouse=True)
def _without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LIBRARIES", ("a_library_that_is_absent",))


def dense(shape: list[int]) -> dict[str, bytes]:
    """A sentence-transformers model whose Dense layer has a weight of this shape; its config says 3 by 4."""
    header = {"linear.weight": {"dtype": "U8", "shape": shape, "data_offsets": [0, shape[0] * shape[1]]}}
    text = json.dumps(header).encode()
    modules = [{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]
    return single() | {
        "modules.json": json.dumps(modules).encode(),
        "2_Dense/config.json": json.dumps({"in_features": 4, "out_features": 3}).encode(),
        "2_Dense/model.safetensors": len(text).to_bytes(8, "little") + text + b"\0" * (shape[0] * shape[1]),
    }


def test_lock_keeps_proofs(tmp_path: Path) -> None:
    entry = replace(lock_directory(read_directory(write(tmp_path / "m", single()))), proofs=PROOFS)
    lock_file.save(tmp_path / "lock", WeightsLock({MODEL: entry}))
    assert lock_file.load(tmp_path / "lock").models[MODEL] == entry
    content = json.loads((tmp_path / "lock").read_text())["models"][MODEL]["proofs"]
    assert content[1] == {
        "kind": "load",
        "made": True,
        "detail": "LlamaForCausalLM: 2 tensors loaded",
        "versions": {"torch": "2.13.0", "transformers": "5.19.0"},
    }


@pytest.mark.parametrize(
    "value",
    ["x", [{"kind": "load"}], [{"kind": "x", "made": True, "detail": "", "versions": {}}], [{**{"made": 1}}], [3]],
)
def test_lock_with_other_proofs_is_refused(tmp_path: Path, value: object) -> None:
    lock = WeightsLock({MODEL: lock_directory(read_directory(write(tmp_path / "m", single())))})
    content = json.loads(lock_file.render(lock))
    content["models"][MODEL]["proofs"] = value
    (tmp_path / "lock").write_text(json.dumps(content))
    with pytest.raises(WeightsError, match="is not a valid lock file"):
        lock_file.load(tmp_path / "lock")


def test_model_is_locked_with_what_could_be_proved(tmp_path: Path) -> None:
    write(tmp_path / MODEL, sharded())
    first = resolve([MODEL], tmp_path, WeightsLock(), generate=True).lock
    assert [proof.summary for proof in first.models[MODEL].proofs] == [
        "headers: 2 tensors, complete by their headers, each in the file that the index names",
        "load not made: a_library_that_is_absent is not installed",
        "generate not made: a_library_that_is_absent is not installed",
    ]
    assert resolve([MODEL], tmp_path, first).locked == ()
    (row,) = status([MODEL], tmp_path, first)
    assert row.proofs == first.models[MODEL].proofs


def test_dense_weights_must_have_the_shape_of_their_configuration(tmp_path: Path) -> None:
    write(tmp_path / MODEL, dense([3, 4]))
    assert prove(read_directory(tmp_path / MODEL))[0].is_made
    write(tmp_path / MODEL, dense([4, 3]))
    (issue,) = resolve([MODEL], tmp_path, WeightsLock()).issues
    assert issue.kind is IssueKind.REFUSED
    assert "2_Dense/model.safetensors has a weight of the shape [4, 3] instead of [3, 4]" in issue.reasons[0]


def test_commands_print_proofs_and_omissions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = replace(lock_directory(read_directory(write(tmp_path / "m", single()))), proofs=PROOFS)
    print_events([ModelLocked(MODEL, entry, (OmittedFile("README.md", "documentation"),))])
    printed = capsys.readouterr().err
    assert "org/name: load: LlamaForCausalLM: 2 tensors loaded (torch 2.13.0, transformers 5.19.0)" in printed
    assert "org/name: generate not made: there is no PyTorch checkpoint to compare with" in printed
    assert "org/name: omitted (documentation): README.md" in printed
