"""Proofs of models that are locked already: `lisa weights prove`, `stage` and `convert --generate` record them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app
from lisa_compiler.cli.terminal import ExitCode
from lisa_weights.acquisition import lock_local
from lisa_weights.lock import lock_file as locks
from lisa_weights.lock.lock_file import LOCK_FILE, WeightsLock
from lisa_weights.lock.proofs import Proof, ProofKind, merge
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.proof import load
from lisa_weights.resolve import resolve
from lisa_weights.steps import no_progress
from lisa_weights.workspace import Workspace
from weights.model_files import SHARDS, checkpoint, safetensors, sharded, write
from weights.project import MODEL, done, weights

HEADERS = Proof(ProofKind.HEADERS, True, "2 tensors, complete by their headers, each in the file that the index names")
ABSENT = Proof(ProofKind.LOAD, False, "a_library_that_is_absent is not installed")
LOADED = Proof(ProofKind.LOAD, True, "XForCausalLM: 2 tensors loaded", {"transformers": "5.19.0"})


@pytest.fixture(autouse=True)
def _without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LIBRARIES", ("a_library_that_is_absent",))


@pytest.fixture
def unproved(project: Path) -> bytes:
    """A project whose lock an older LISA wrote, for the model in models/; the bytes of the lock."""
    directory = read_directory(write(project / "models" / MODEL, sharded()))
    locks.save(project / LOCK_FILE, WeightsLock({MODEL: lock_directory(directory, converter=0)}))
    return (project / LOCK_FILE).read_bytes()


def recorded(project: Path, model: str = MODEL) -> tuple[Proof, ...]:
    return locks.load(project / LOCK_FILE).models[model].proofs


def convert(path: Path) -> Result:
    return CliRunner().invoke(app, ["weights", "convert", str(path), "--generate"])


def summary(project: Path) -> str:
    done(CliRunner().invoke(app, ["compile", "--project", str(project)]))
    return (project / "generated" / "dev" / "SUMMARY.md").read_text()


def workspace(project: Path) -> Workspace:
    return Workspace(project, "dev", "", (MODEL,), None)


def without_proofs(content: bytes) -> bytes:
    """The lock as it would be without proofs, in the bytes that LISA writes."""
    document = json.loads(content)
    for model in document["models"].values():
        model.pop("proofs", None)
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def test_prove_records_proofs_and_changes_nothing_else(project: Path, unproved: bytes) -> None:
    result = weights(project, "prove")
    done(result)
    assert recorded(project) == (HEADERS, ABSENT)
    assert without_proofs((project / LOCK_FILE).read_bytes()) == unproved
    assert f"{MODEL}: {HEADERS.summary}" in result.stderr
    assert f"{MODEL}: {ABSENT.summary}" in result.stderr
    assert f"{MODEL}: 2 proofs → {LOCK_FILE}" in result.stderr
    before = (project / LOCK_FILE).read_bytes()
    done(weights(project, "prove", MODEL))
    assert (project / LOCK_FILE).read_bytes() == before


def test_prove_keeps_a_proof_that_cannot_be_made_here(project: Path, unproved: bytes) -> None:
    lock = locks.load(project / LOCK_FILE)
    locks.save(project / LOCK_FILE, lock.with_model(MODEL, replace(lock.models[MODEL], proofs=(LOADED,))))
    done(weights(project, "prove"))
    assert recorded(project) == (HEADERS, LOADED)


def test_prove_refuses_other_content_of_the_same_size(project: Path, unproved: bytes) -> None:
    write(project / "models" / MODEL, {SHARDS[1]: safetensors({"y": b"B" * 700})})
    result = weights(project, "prove")
    assert result.exit_code == ExitCode.FAILED
    assert f"models/{MODEL} differs from {LOCK_FILE}: {SHARDS[1]} has other content" in result.output
    assert (project / LOCK_FILE).read_bytes() == unproved


def test_prove_refuses_another_list_of_files(project: Path, unproved: bytes) -> None:
    write(project / "models" / MODEL, {"merges.txt": b"a b"})
    result = weights(project, "prove", MODEL)
    assert result.exit_code == ExitCode.FAILED
    assert "merges.txt is not in the lock file. Lock it with `lisa weights stage`, or restore it" in result.output


def test_prove_refuses_a_named_model_that_is_elsewhere(project: Path, unproved: bytes) -> None:
    other = weights(project, "prove", "org/other", MODEL)
    assert other.exit_code == ExitCode.FAILED
    assert recorded(project) == (HEADERS, ABSENT)
    assert f"org/other is not in {LOCK_FILE}: run `lisa weights stage" in other.output
    (project / "models" / MODEL).rename(project / "moved")
    absent = weights(project, "prove", MODEL)
    assert absent.exit_code == ExitCode.FAILED
    assert f"{MODEL} is not in models/: run `lisa weights download {MODEL}` first." in absent.output


def test_prove_of_all_skips_what_is_elsewhere(project: Path) -> None:
    result = weights(project, "prove")
    done(result)
    assert f"{MODEL}: not proved: it is not in {LOCK_FILE}: run `lisa weights stage`" in result.stderr
    directory = read_directory(write(project / "elsewhere", sharded()))
    locks.save(project / LOCK_FILE, WeightsLock({MODEL: lock_directory(directory, converter=0)}))
    result = weights(project, "prove")
    done(result)
    assert f"{MODEL}: not proved: it is not in models/: run `lisa weights download {MODEL}`" in result.stderr


def test_status_and_summary_show_what_is_not_proved(project: Path, unproved: bytes) -> None:
    command = f"`lisa weights prove {MODEL}`"
    before = weights(project, "status", "--offline")
    assert f"{MODEL}: not proved, because an older LISA locked it: run {command}" in before.stderr
    assert "; **not proved** |" in summary(project)
    done(weights(project, "prove"))
    after = weights(project, "status", "--offline")
    assert "older LISA" not in after.stderr
    assert f"{MODEL}: {HEADERS.summary}" in after.stderr
    assert "; proved: headers; load not proved (a_library_that_is_absent is not installed) |" in summary(project)
    (project / "models" / MODEL).rename(project / "moved")
    (project / LOCK_FILE).write_bytes(unproved)
    elsewhere = weights(project, "status", "--offline")
    assert f"run `lisa weights download {MODEL}` and {command}" in elsewhere.stderr


def test_staging_proves_an_unchanged_entry_and_compiling_does_not(project: Path, unproved: bytes) -> None:
    lock = locks.load(project / LOCK_FILE)
    assert resolve([MODEL], project / "models", lock).lock == lock
    list(lock_local(workspace(project), [MODEL], no_progress))
    assert recorded(project) == (HEADERS, ABSENT)
    assert without_proofs((project / LOCK_FILE).read_bytes()) == unproved


def test_conversion_with_generate_is_locked_with_its_proofs(project: Path) -> None:
    path = write(project / "models" / MODEL, {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")})
    result = convert(path)
    done(result)
    entry = locks.load(project / LOCK_FILE).models[MODEL]
    assert [proof.kind for proof in entry.proofs] == list(ProofKind)
    assert f"{MODEL}: generate not made: a_library_that_is_absent is not installed" in result.stderr
    assert entry == entry.with_prefix(MODEL)
    again = convert(path)
    done(again)
    assert f"{MODEL}: 3 proofs → {LOCK_FILE}" in again.stderr
    assert locks.load(project / LOCK_FILE).models[MODEL] == entry


def test_conversion_outside_a_project_is_not_recorded(tmp_path: Path) -> None:
    path = write(tmp_path / "elsewhere", {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")})
    result = convert(path)
    done(result)
    assert "elsewhere: generate not made" in result.stderr
    assert f"elsewhere: not recorded in {LOCK_FILE}, because it is not in models/ of a project" in result.stderr
    assert not list(tmp_path.rglob(LOCK_FILE))


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ((), (HEADERS,), (HEADERS,)),
        ((LOADED,), (HEADERS, ABSENT), (HEADERS, LOADED)),
        ((ABSENT,), (LOADED,), (LOADED,)),
        ((HEADERS, LOADED), (replace(LOADED, detail="newer"),), (HEADERS, replace(LOADED, detail="newer"))),
        ((ABSENT,), (replace(ABSENT, detail="newer"),), (replace(ABSENT, detail="newer"),)),
    ],
)
def test_proofs_of_the_same_files_are_merged_by_kind(
    earlier: tuple[Proof, ...], later: tuple[Proof, ...], expected: tuple[Proof, ...]
) -> None:
    assert merge(earlier, later) == expected
