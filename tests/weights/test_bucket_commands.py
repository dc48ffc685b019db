"""`lisa weights gc`, `adopt` and uploads without checksums as a person runs them, on a real S3."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_compiler.cli.terminal import ExitCode
from lisa_weights.lock import lock_file as locks
from weights import seaweedfs
from weights.model_files import sharded, write
from weights.project import MODEL, done, prefix, state, weights


def test_repository_shows_and_deletes_what_no_lock_names(project: Path, endpoint: list[str]) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", "-C", str(project), *identity, *arguments], check=True, capture_output=True)

    write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    never = prefix(project)
    write(project / "models" / MODEL, sharded(second=b"n" * 700))
    done(weights(project, "stage", *endpoint))
    git("init", "-q")
    git("add", locks.LOCK_FILE)
    git("commit", "-q", "-m", "lock")
    assert weights(project, "gc", *endpoint).exit_code == ExitCode.USAGE
    assert "nothing to delete" in weights(project, "gc", "--bucket", *endpoint).output
    shown = CliRunner().invoke(
        app, ["weights", "gc", "--bucket", "--min-age", "0", "--project", str(project), *endpoint], input="\n"
    )
    assert f"/{never}/" in shown.output
    warning = "only lock files of this Git repository were read: if another repository uses this bucket"
    assert 0 <= shown.output.find(warning) < shown.output.find("nothing was deleted")
    assert f"/{prefix(project)}/" not in shown.output
    assert "nothing was deleted" in shown.output
    deleted = weights(project, "gc", "--bucket", "--min-age", "0", "--yes", *endpoint)
    assert f"/{never}/: deleted" in deleted.output
    done(weights(project, "verify", "--deep", *endpoint))
    assert "nothing to delete" in weights(project, "gc", "--bucket", "--min-age", "0", *endpoint).output


def test_model_of_lisa_2_is_adopted(project: Path, endpoint: list[str], store: seaweedfs.Store) -> None:
    bucket = yaml.safe_load((project / "config.yaml").read_text())["dev"]["s3BucketModels"]
    store.do("cp", f"{write(project / 'old', sharded())}/", f"s3://{bucket}/{MODEL}/")
    adopted = weights(project, "adopt", *endpoint)
    assert adopted.exit_code == ExitCode.OK, adopted.output
    assert f"{MODEL}: 6 files copied within the bucket" in adopted.output
    assert prefix(project).startswith(f"{MODEL}/")
    done(weights(project, "verify", "--deep", *endpoint))


def test_upload_without_checksums_is_unproven_and_never_verified(
    project: Path, endpoint: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lisa_compiler.deploy.weights.find_spec", lambda _: None)
    write(project / "models" / MODEL, sharded())
    result = weights(project, "stage", *endpoint)
    done(result)
    assert f"{MODEL}: 6 files unproven: " in result.output
    assert "matches the lock file" not in result.output.replace("digest match the lock file", "")
    assert state(weights(project, "status", "--format", "json", *endpoint))["bucket"] == "unproven"
    done(weights(project, "verify", *endpoint))
    assert f"{MODEL}: matches the lock file" in weights(project, "verify", "--deep", *endpoint).output
