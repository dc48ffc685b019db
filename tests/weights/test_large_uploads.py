"""Uploads of large files to a real S3: in parts, read once, and resumed after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_weights.lock import s3_checksum
from lisa_weights.lock.lock_file import WeightsLock, save
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.store.bucket import Bucket, MismatchKind
from lisa_weights.store.checksums import ExpectedChecksum
from lisa_weights.store.upload import upload
from weights import seaweedfs
from weights.checksum_requests import MODEL, client_of, never, paths, prefix
from weights.model_files import SHARDS, sharded, write

ROOT = Path(__file__).parents[2]

UPLOAD = """
import sys, time
from pathlib import Path
from lisa_compiler.aws.checksums import open_checksum_objects
from lisa_weights.lock.lock_file import load
from lisa_weights.store import s5cmd
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.upload import upload
name, endpoint, lock, directory = sys.argv[1:]
def stop(path, size):
    print(path, flush=True)
    time.sleep(600)
bucket = Bucket(name, s5cmd.find(endpoint), open_checksum_objects("us-east-1", endpoint))
upload(bucket, "org/name", load(Path(lock)).models["org/name"], Path(directory), progress=stop)
"""


def test_upload_killed_in_the_middle_resumes(proving_bucket: Bucket, tmp_path: Path) -> None:
    directory = write(tmp_path / "m", sharded(second=bytes(200 << 20)))
    made = lock_directory(read_directory(directory)).with_prefix(MODEL)
    save(tmp_path / "lock", WeightsLock({MODEL: made}))
    endpoint = proving_bucket.store.endpoint_url or ""
    child = subprocess.Popen(
        [sys.executable, "-c", UPLOAD, proving_bucket.name, endpoint, str(tmp_path / "lock"), str(directory)],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("schema", "weights", "compiler"))},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline().strip() == SHARDS[0]
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
    missing = {found.path for found in proving_bucket.verify(MODEL, made)}
    assert SHARDS[1] in missing
    assert SHARDS[0] not in missing
    assert paths(upload(proving_bucket, MODEL, made, directory).moved) == missing
    compared = proving_bucket.compare(prefix(made), made.files)
    assert (compared.mismatches, compared.unproven) == ((), ())


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files above 6 MB are sent in parts of 5 MiB, the least that S3 takes."""
    monkeypatch.setattr(s3_checksum, "MAX_REQUEST_BYTES", 6_000_000)
    monkeypatch.setattr(s3_checksum, "PART_BYTES", 5 << 20)


@pytest.mark.usefixtures("small_parts")
def test_large_file_is_proven_by_the_checksum_of_its_parts(
    proving_bucket: Bucket, tmp_path: Path, store: seaweedfs.Store
) -> None:
    content = os.urandom(11 << 20)
    directory = write(tmp_path / "m", sharded(second=content))
    made = lock_directory(read_directory(directory)).with_prefix(MODEL)
    (large,) = [file for file in made.files if file.parts_sha256]
    assert (large.path, (large.parts_sha256 or "").partition("-")[2]) == (SHARDS[1], "3")
    upload(proving_bucket, MODEL, made, directory)
    compared = proving_bucket.compare(prefix(made), made.files)
    assert (compared.mismatches, compared.unproven) == ((), ())
    assert proving_bucket.verify(MODEL, made, deep=True) == ()
    (without,) = [replace(file, parts_sha256=None) for file in made.files if file.parts_sha256]
    assert proving_bucket.compare(prefix(made), [without]).unproven == (SHARDS[1],)
    store.do("cp", str(directory / SHARDS[1]), proving_bucket.url(prefix(made), SHARDS[1]))
    assert [found.kind for found in proving_bucket.verify(MODEL, made)] == [MismatchKind.UNPROVEN]


@pytest.mark.usefixtures("small_parts")
def test_upload_in_parts_that_fails_leaves_nothing(proving_bucket: Bucket, tmp_path: Path) -> None:
    directory = write(tmp_path / "m", sharded(second=os.urandom(11 << 20)))
    made = lock_directory(read_directory(directory)).with_prefix(MODEL)
    large = next(file for file in made.files if file.parts_sha256)
    (directory / large.path).unlink()
    expected = ExpectedChecksum.of(large)
    client = client_of(proving_bucket)
    with pytest.raises(DeployError, match="cannot be read"):
        client.put(
            directory / large.path,
            proving_bucket.name,
            f"{prefix(made)}/{large.path}",
            checksum=expected.text,
            parts=expected.parts,
            metadata={},
            is_cancelled=never,
        )
    assert proving_bucket.files(prefix(made)) == ()
    assert not client.client.list_multipart_uploads(Bucket=proving_bucket.name).get("Uploads")  # type: ignore[attr-defined]


def bytes_read() -> int:
    """Bytes that this process has read from files and connections."""
    return int(Path("/proc/self/io").read_text().partition("rchar: ")[2].partition("\n")[0])


def test_upload_reads_each_file_once(proving_bucket: Bucket, tmp_path: Path) -> None:
    size = 16 << 20
    directory = write(tmp_path / "m", sharded(second=bytes(size)))
    made = lock_directory(read_directory(directory)).with_prefix(MODEL)
    before = bytes_read()
    assert paths(upload(proving_bucket, MODEL, made, directory).moved) == set(sharded())
    assert size <= bytes_read() - before < 1.5 * size
    assert proving_bucket.verify(MODEL, made) == ()
