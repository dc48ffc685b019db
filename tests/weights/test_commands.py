"""`lisa weights …` as a person runs it, on a project with one hosted model and a real S3."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.compiler.conftest import configuration
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_compiler.cli.terminal import ExitCode
from lisa_weights.lock import lock_file as locks
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.safetensors.layout import lay_out
from lisa_weights.safetensors.tensors import Dtype, TensorInfo
from weights import metadata_service, seaweedfs
from weights.model_files import SHARDS, checkpoint, sharded, write
from weights.project import MODEL, done, prefix, state, weights


def test_model_that_nobody_has_brought(project: Path) -> None:
    result = weights(project, "status", "--offline", "--format", "json")
    assert state(result) == {"local": "absent", "lock": "absent", "bucket": "unknown"}


def test_table_says_what_to_do_next(project: Path) -> None:
    result = weights(project, "status", "--offline")
    assert f"lisa weights fetch {MODEL}" in result.stdout


@pytest.mark.parametrize("command", ["status", "stage", "verify"])
def test_environment_without_models_says_so(tmp_path: Path, command: str) -> None:
    settings = yaml.safe_dump({"env": "dev", "dev": configuration(ecsModels=[])})
    (tmp_path / "config.yaml").write_text(settings, encoding="utf-8")
    result = weights(tmp_path, command, *(["--offline"] if command == "status" else []))
    assert (result.exit_code, "dev hosts no models." in result.stderr) == (ExitCode.OK, True)


def test_table_names_the_directory_to_convert(project: Path) -> None:
    write(project / "models" / MODEL, {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")})
    result = weights(project, "status", "--offline")
    assert f"lisa weights convert models/{MODEL}" in result.stdout


def test_what_is_not_locked_cannot_be_uploaded(project: Path, endpoint: list[str]) -> None:
    result = weights(project, "upload", *endpoint)
    assert result.exit_code == ExitCode.FAILED
    assert f"{MODEL} is not in weights.lock.json: run `lisa weights stage --env dev` first." in result.output


def test_invalid_configuration_is_reported(project: Path) -> None:
    (project / "config.yaml").write_text("env: dev\ndev: {region: mars-1}\n", encoding="utf-8")
    result = weights(project, "status", "--offline")
    assert result.exit_code == ExitCode.FAILED
    assert "LISA" in result.output


def test_stage_brings_a_local_model_into_the_bucket(project: Path, endpoint: list[str]) -> None:
    write(project / "models" / MODEL, sharded())
    staged = weights(project, "stage", *endpoint)
    assert staged.exit_code == ExitCode.OK, staged.output
    status = weights(project, "status", "--format", "json", *endpoint)
    assert state(status) == {"local": "complete", "lock": "locked", "bucket": "same"}
    again = weights(project, "stage", *endpoint)
    assert "0 files uploaded" in again.output


def test_stage_needs_no_disk_for_what_the_bucket_has(project: Path, endpoint: list[str]) -> None:
    write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    (project / "models").rename(project / "gone")
    again = weights(project, "stage", *endpoint)
    assert again.exit_code == ExitCode.OK, again.output
    assert f"{MODEL}: matches the lock file" in again.output
    assert not (project / "models").exists()


def test_stage_does_not_replace_what_was_brought_by_hand(
    project: Path, endpoint: list[str], store: seaweedfs.Store
) -> None:
    write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    bucket = yaml.safe_load((project / "config.yaml").read_text())["dev"]["s3BucketModels"]
    store.do("rm", f"s3://{bucket}/{prefix(project)}/{SHARDS[1]}")
    (project / "models").rename(project / "gone")
    again = weights(project, "stage", "--yes", *endpoint)
    assert again.exit_code == ExitCode.FAILED
    assert f"Add it to models/{MODEL}" in again.output


def test_staged_weights_are_pinned_by_the_compile(project: Path, endpoint: list[str]) -> None:
    from lisa_compiler.compile.pipeline import compile_environment

    write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    files = compile_environment(project, None).files
    pinned = json.loads(files["weights.json"])["models"][MODEL]
    assert pinned["status"] == "staged"
    assert {file["path"] for file in pinned["files"]} >= {"config.json", *SHARDS}
    first, _, rest = files["containers/small/weights.tsv"].partition(b"\n")
    assert first.decode() == f"# staged {prefix(project)}"
    assert prefix(project) == f"{MODEL}/{hashlib.sha256(rest).hexdigest()}"
    assert pinned["location"].endswith(f"/{prefix(project)}")
    permissions = b"".join(content for path, content in files.items() if path.endswith(".template.json"))
    assert f"/{MODEL}/*".encode() in permissions


def test_bucket_that_lost_a_shard_is_found(project: Path, endpoint: list[str], store: seaweedfs.Store) -> None:
    write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    bucket = yaml.safe_load((project / "config.yaml").read_text())["dev"]["s3BucketModels"]
    store.do("rm", f"s3://{bucket}/{prefix(project)}/{SHARDS[1]}")
    result = weights(project, "verify", *endpoint)
    assert result.exit_code == ExitCode.FAILED
    assert SHARDS[1] in result.output


def test_download_gives_back_what_was_uploaded(project: Path, endpoint: list[str]) -> None:
    directory = write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    before = (directory / SHARDS[0]).read_bytes()
    (directory / SHARDS[0]).unlink()
    done(weights(project, "download", *endpoint))
    assert (directory / SHARDS[0]).read_bytes() == before


@pytest.mark.parametrize("size", ["0", "2 TB", "large", "-1GB"])
def test_shard_size_that_is_none(project: Path, size: str) -> None:
    result = CliRunner().invoke(app, ["weights", "convert", str(project), "--max-shard-size", size])
    assert result.exit_code == ExitCode.USAGE


def test_safetensors_need_no_conversion(project: Path) -> None:
    directory = write(project / "models" / MODEL, sharded())
    result = CliRunner().invoke(app, ["weights", "convert", str(directory)])
    assert result.exit_code == ExitCode.OK, result.output
    assert "is safetensors already, and valid" in result.output


def use_metadata_service(monkeypatch: pytest.MonkeyPatch, endpoint: str, home: Path) -> None:
    for name, value in metadata_service.environment(endpoint, str(home)).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)


@pytest.mark.parametrize("command", ["status", "verify", "stage", "download", "upload"])
def test_without_credentials_it_says_so_in_one_sentence(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    write(project / "models" / MODEL, sharded())
    lock_local(project)
    if command == "download":
        (project / "models" / MODEL / SHARDS[0]).unlink()
    with metadata_service.refusing_tokens() as endpoint:
        use_metadata_service(monkeypatch, endpoint, tmp_path)
        result = weights(project, command)
    assert result.exit_code == ExitCode.FAILED
    assert isinstance(result.exception, SystemExit)
    (line,) = [line for line in result.output.splitlines() if "credentials" in line]
    assert line.endswith(
        "no credentials found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in the environment."
    )


def test_warnings_of_the_metadata_service_do_not_get_into_what_is_read(
    project: Path, endpoint: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    with metadata_service.refusing_tokens(seaweedfs.OWNER) as metadata:
        use_metadata_service(monkeypatch, metadata, tmp_path)
        result = weights(project, "verify", "--deep", *endpoint)
    done(result)
    assert f"{MODEL}: matches the lock file" in result.output


def lock_local(project: Path) -> None:
    found = read_directory(project / "models" / MODEL)
    locks.save(project / locks.LOCK_FILE, locks.WeightsLock({MODEL: lock_directory(found)}))


def forget_converter(project: Path) -> None:
    """Make the lock one of an older LISA."""
    path = project / locks.LOCK_FILE
    content = json.loads(path.read_bytes())
    del content["models"][MODEL]["converter"]
    path.write_text(json.dumps(content))


def test_entry_of_an_older_lisa_is_checked_in_the_bucket(project: Path, endpoint: list[str]) -> None:
    write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    (project / "models").rename(project / "gone")
    forget_converter(project)
    offline = weights(project, "status", "--offline")
    assert "was not checked since" in offline.output
    (row,) = json.loads(weights(project, "status", "--format", "json", *endpoint).stdout)
    assert row["condition"] == "sound"
    done(weights(project, "verify", *endpoint))
    done(weights(project, "stage", *endpoint))
    assert locks.load(project / locks.LOCK_FILE).models[MODEL].converter == 0
    assert "was not checked" not in weights(project, "status", "--offline").output


def test_damaged_model_of_an_older_lisa_is_found_in_the_bucket(project: Path, endpoint: list[str]) -> None:
    layout = lay_out([TensorInfo("lm_head.weight", Dtype.U8, (4,), 4)], {"model.embed.weight": "lm_head.weight"})
    directory = write(project / "models" / MODEL, {"config.json": b"{}", "model.safetensors": layout.head + b"abcd"})
    found = read_directory(directory)
    model = lock_directory(replace(found, completeness=replace(found.completeness, problems=(), dropped=())))
    locks.save(project / locks.LOCK_FILE, locks.WeightsLock({MODEL: model}))
    done(weights(project, "upload", *endpoint))
    forget_converter(project)
    (project / "models").rename(project / "gone")
    (row,) = json.loads(weights(project, "status", "--format", "json", *endpoint).stdout)
    assert (row["condition"], row["bucket"]) == ("damaged", "same")
    assert f"lisa weights fetch {MODEL}" in weights(project, "status", *endpoint).stdout
    for command in ("verify", "stage"):
        result = weights(project, command, *endpoint)
        assert result.exit_code == ExitCode.FAILED
        assert "lacks 'model.embed.weight'" in result.output
        assert f"`lisa weights convert models/{MODEL}`" in result.output
    assert locks.load(project / locks.LOCK_FILE).models[MODEL].converter is None


def test_model_of_an_older_lisa_without_the_weights_of_a_module_is_not_sound(
    project: Path, endpoint: list[str], store: seaweedfs.Store
) -> None:
    write(project / "models" / MODEL, sharded())
    done(weights(project, "stage", *endpoint))
    bucket = yaml.safe_load((project / "config.yaml").read_text())["dev"]["s3BucketModels"]
    (project / "config.json").write_text("{}")
    store.do("cp", str(project / "config.json"), f"s3://{bucket}/{prefix(project)}/2_Dense/config.json")
    (project / "models").rename(project / "gone")
    forget_converter(project)
    result = weights(project, "verify", *endpoint)
    assert result.exit_code == ExitCode.FAILED
    assert "2_Dense has no safetensors, which are required for serving" in result.output
