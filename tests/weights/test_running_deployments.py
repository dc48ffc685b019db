"""Containers of two deployments load their own weights from one bucket, with the generated scripts and a real S3."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lisa_compiler.emit.containers import ContextSpec, emit_context
from lisa_compiler.plan.images import BuiltImage
from lisa_weights.lock.lock_file import LockedModel
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.upload import upload
from weights import seaweedfs
from weights.model_files import sharded, write

MODEL = "org/name"


def context(folder: Path, locked: LockedModel | None) -> Path:
    """The build context of the model's image, as a compile with this entry of the lock file writes it."""
    image = BuiltImage(
        name="model",
        kind="vllm",
        context="containers/model",
        base_image="example/server:1",
        tools_image="python:3.13-slim",
        build_args=(("BASE_IMAGE", "example/server:1"),),
        custom_path=None,
    )
    files = locked.files if locked is not None else ()
    weights = {
        "schemaVersion": 1,
        "model": MODEL,
        "prefix": locked.location(MODEL) if locked is not None else MODEL,
        "status": "staged" if locked is not None else "unstaged",
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in files],
    }
    for name, content in emit_context(ContextSpec(image=image, model=MODEL, weights=weights), project=folder).items():
        write(folder, {name: content})
    return folder


def loaded(store: seaweedfs.Store, bucket: Bucket, folder: Path) -> dict[str, bytes]:
    """Start an instance: what its container copies to the disk."""
    target = folder / "disk"
    subprocess.run(
        ["bash", str(folder / "fetch-weights.sh")],
        env=seaweedfs.OWNER
        | {
            "PATH": f"{Path(store.s5cmd).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "S3_ENDPOINT_URL": store.endpoint_url,
            "S3_BUCKET_MODELS": bucket.name,
            "MODEL_NAME": MODEL,
            "LOCAL_MODEL_PATH": str(target),
        },
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = (path for path in target.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in found}


def test_new_instances_of_both_deployments_load_what_they_were_compiled_with(
    proving_bucket: Bucket, store: seaweedfs.Store, tmp_path: Path
) -> None:
    contents = {"base": sharded(), "tuned": sharded(second=b"t" * 700)}
    contexts = {}
    for name, files in contents.items():
        directory = write(tmp_path / "source" / name, files)
        locked = lock_directory(read_directory(directory)).with_prefix(MODEL)
        upload(proving_bucket, MODEL, locked, directory)
        contexts[name] = context(tmp_path / name, locked)
    for name, files in contents.items():
        assert loaded(store, proving_bucket, contexts[name]) == files


def test_model_that_is_not_staged_is_loaded_without_the_prefixes_of_others(
    proving_bucket: Bucket, store: seaweedfs.Store, tmp_path: Path
) -> None:
    directory = write(tmp_path / "source", sharded())
    upload(proving_bucket, MODEL, lock_directory(read_directory(directory)).with_prefix(MODEL), directory)
    old = sharded(first=b"o" * 1000)
    store.do("cp", f"{write(tmp_path / 'old', old)}/", f"s3://{proving_bucket.name}/{MODEL}/")
    assert loaded(store, proving_bucket, context(tmp_path / "context", None)) == old
