"""How a model's container brings its weights to the disk, run under bash with a fake S3."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from containers.context import BUCKET, MODEL, container, stop_group

SHARDS = {
    "config.json": b"{}",
    "model-00001-of-00002.safetensors": b"a" * 1000,
    "model-00002-of-00002.safetensors": b"b" * 700,
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"x": "model-00001-of-00002.safetensors", "y": "model-00002-of-00002.safetensors"}}
    ).encode(),
    "1_Pooling/config.json": b"{ }",
}


def on_disk(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".lisa-weights")
    }


@pytest.mark.parametrize("missing", ["AWS_REGION", "LOCAL_MODEL_PATH", "MODEL_NAME", "S3_BUCKET_MODELS"])
def test_a_missing_variable_is_named(tmp_path: Path, missing: str) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    del made.environment[missing]
    status, errors = made.run()
    assert status == 1
    assert errors.strip().endswith(f"set these environment variables: {missing}")
    assert not made.out("text-generation-launcher", "arguments").exists()


def test_all_missing_variables_are_named_at_once(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    del made.environment["MODEL_NAME"], made.environment["S3_BUCKET_MODELS"]
    assert "MODEL_NAME S3_BUCKET_MODELS" in made.run()[1]


def test_staged_weights_are_copied_and_served(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.stage(SHARDS)
    status, errors = made.run()
    assert status == 0, errors
    assert on_disk(made.model) == SHARDS
    assert made.out("text-generation-launcher", "arguments").exists()


def test_only_what_weights_json_names_is_copied(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.stage(SHARDS | {"pytorch_model.bin": b"old"})
    made.run()
    assert on_disk(made.model) == SHARDS


def test_a_second_start_copies_nothing(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.stage(SHARDS)
    made.run()
    before = made.copied
    assert made.run()[0] == 0
    assert made.copied == before


def test_a_size_that_differs_from_weights_json_stops_the_start(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.stage(SHARDS | {"model-00002-of-00002.safetensors": b"short"})
    status, errors = made.run()
    assert status == 1
    assert (
        "model-00002-of-00002.safetensors has 5 bytes in s3://models/org/name and 700 bytes in weights.json" in errors
    )
    assert not (made.model / "model-00002-of-00002.safetensors").exists()
    assert not made.out("text-generation-launcher", "arguments").exists()


def test_a_broken_copy_is_tried_again_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.stage(SHARDS)
    (tmp_path / "limit").write_text("2")
    status, errors = made.run()
    assert status == 0, errors
    assert "attempt 2" in errors
    assert on_disk(made.model) == SHARDS
    assert sorted(made.copied) == sorted(SHARDS)


def test_a_start_after_an_interrupted_one_keeps_what_is_complete(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.stage(SHARDS)
    (tmp_path / "limit").write_text("2")
    made.environment["COPY_ATTEMPTS"] = "1"
    status, errors = made.run()
    assert status == 1
    assert "after 1 attempts" in errors
    first = made.copied
    assert len(first) == 2
    assert made.run()[0] == 0
    assert sorted(made.copied) == sorted(SHARDS)
    assert on_disk(made.model) == SHARDS


def test_half_a_file_never_has_the_name_of_a_whole_one(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.stage(SHARDS)
    (tmp_path / "limit").write_text("0")
    made.environment["COPY_ATTEMPTS"] = "1"
    made.run()
    complete = {name: content for name, content in on_disk(made.model).items() if not name.startswith(".partial/")}
    assert complete == {}


def test_other_weights_on_the_disk_are_removed(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.stage(SHARDS)
    made.model.mkdir(parents=True)
    (made.model / ".lisa-weights").write_text("s3://models/org/other\n")
    (made.model / "config.json").write_bytes(b"[]")
    (made.model / "2_Dense").mkdir()
    (made.model / "2_Dense" / "model.safetensors").write_bytes(b"other")
    status, errors = made.run()
    assert status == 0
    assert "removed 1 files of other weights" in errors
    assert "removed config.json" in errors
    assert not (made.model / "2_Dense").exists()
    assert on_disk(made.model) == SHARDS


def test_unstaged_weights_are_taken_from_the_bucket_with_a_warning(tmp_path: Path) -> None:
    made = container(tmp_path, "tei")
    made.stage(SHARDS)
    status, errors = made.run()
    assert status == 0, errors
    assert "WARNING: the weights of org/name were not staged" in errors
    assert on_disk(made.model) == SHARDS


def test_unstaged_weights_in_one_file(tmp_path: Path) -> None:
    made = container(tmp_path, "tei")
    made.stage({"config.json": b"{}", "model.safetensors": b"w"})
    assert made.run()[0] == 0


def test_unstaged_weights_without_a_shard_are_refused(tmp_path: Path) -> None:
    made = container(tmp_path, "tei")
    made.stage({name: content for name, content in SHARDS.items() if "00002-of" not in name})
    status, errors = made.run()
    assert status == 1
    assert "names model-00002-of-00002.safetensors" in errors


def test_unstaged_weights_without_safetensors_are_refused(tmp_path: Path) -> None:
    made = container(tmp_path, "tei")
    made.stage({"config.json": b"{}", "pytorch_model.bin": b"w"})
    status, errors = made.run()
    assert status == 1
    assert "convert the model to safetensors" in errors


def test_nothing_in_the_bucket(tmp_path: Path) -> None:
    made = container(tmp_path, "tei")
    status, errors = made.run()
    assert status == 1
    assert f"s3://{BUCKET}/{MODEL}" in errors


@pytest.mark.parametrize("files", [SHARDS, None], ids=["staged", "unstaged"])
def test_mount_s3_is_used_where_there_is_a_mount_point(tmp_path: Path, files: dict[str, bytes] | None) -> None:
    made = container(tmp_path, "vllm", files)
    made.stage(SHARDS)
    mount = tmp_path / "mnt"
    made.environment["S3_MOUNT_POINT"] = str(mount)
    status, errors = made.run()
    assert status == 0, errors
    assert on_disk(made.model) == SHARDS
    assert made.copied == []
    log = (tmp_path / "log").read_text().splitlines()
    assert log[0] == f"mount-s3 {BUCKET} {mount} --prefix {MODEL}/ --region us-east-1 --read-only"
    assert log[-1] == f"umount {mount}"


def test_a_mount_that_fails_says_what_it_needs(tmp_path: Path) -> None:
    made = container(tmp_path, "vllm", SHARDS)
    made.fake("mount-s3", "#!/bin/sh\nexit 1\n")
    made.environment["S3_MOUNT_POINT"] = str(tmp_path / "mnt")
    status, errors = made.run()
    assert status == 1
    assert "privileged" in errors


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", {"../evil": b"x"})
    made.stage(SHARDS)
    status, errors = made.run()
    assert status == 1
    assert "cannot be a file of a model" in errors


def test_a_stop_while_copying_ends_the_container(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", SHARDS)
    made.fake("s5cmd", '#!/bin/sh\ntouch "$FAKE_OUT/copying"\nexec sleep 30\n')
    process = made.start()
    try:
        while not (tmp_path / "out" / "copying").exists():
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 143
    finally:
        stop_group(process)
