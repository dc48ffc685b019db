"""Transfers that are interrupted or refused: killed, without permission, without an answer, on a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LockedModel, WeightsLock, save
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.store import s5cmd
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.download import download
from lisa_weights.store.upload import upload
from weights import seaweedfs
from weights.model_files import SHARDS, sharded, write

MODEL = "org/name"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write(tmp_path / "models" / MODEL, sharded())


@pytest.fixture
def locked(directory: Path) -> LockedModel:
    return lock_directory(read_directory(directory)).with_prefix(MODEL)


def paths(files: object) -> set[str]:
    return {file.path for file in files}  # type: ignore[attr-defined]


CHILD = """
import sys, time
from pathlib import Path
from lisa_weights.store import s5cmd
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.download import download
from lisa_weights.store.upload import upload
from lisa_weights.lock.lock_file import load
what, bucket, endpoint, lock, directory = sys.argv[1:]
def stop(path, size):
    print(path, flush=True)
    time.sleep(600)
model = load(Path(lock)).models["org/name"]
bucket = Bucket(bucket, s5cmd.find(endpoint))
if what == "upload":
    upload(bucket, "org/name", model, Path(directory), progress=stop)
else:
    download(bucket, "org/name", model, Path(directory), progress=stop)
"""


def killed_in_the_middle(what: str, bucket: Bucket, lock: Path, directory: Path) -> str:
    """Begin a transfer, kill its processes when the first file has arrived, and return that file's path."""
    endpoint = bucket.store.endpoint_url or ""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, what, bucket.name, endpoint, str(lock), str(directory)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("schema", "weights"))},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        return child.stdout.readline().strip()
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def test_transfers_killed_in_the_middle_go_on(bucket: Bucket, tmp_path: Path) -> None:
    directory = write(tmp_path / "m", sharded(second=bytes(400 << 20)))
    made = lock_directory(read_directory(directory)).with_prefix(MODEL)
    save(tmp_path / "lock", WeightsLock({MODEL: made}))

    first = killed_in_the_middle("upload", bucket, tmp_path / "lock", directory)
    assert first == SHARDS[0]
    missing = {mismatch.path for mismatch in bucket.verify(MODEL, made)}
    assert SHARDS[1] in missing
    assert first not in missing
    assert not bucket.completeness(made.location(MODEL)).is_complete
    assert paths(upload(bucket, MODEL, made, directory).moved) == missing
    assert bucket.verify(MODEL, made, deep=True) == ()

    target = tmp_path / "back"
    first = killed_in_the_middle("download", bucket, tmp_path / "lock", target)
    assert (target / first).read_bytes() == (directory / first).read_bytes()
    assert not (target / SHARDS[1]).exists()
    moved = paths(download(bucket, MODEL, made, target).moved)
    assert SHARDS[1] in moved
    assert first not in moved
    assert lock_directory(read_directory(target)).files == made.files
    assert not list(target.glob(".download.*"))


REFUSALS = [
    (
        "models-that-do-not-exist",
        seaweedfs.OWNER,
        "the bucket does not exist. Check s3BucketModels, or create",
    ),
    (None, seaweedfs.STRANGER, "access is denied"),
    (None, seaweedfs.OWNER | {"AWS_ACCESS_KEY_ID": "unknown"}, "access key is unknown"),
    (None, seaweedfs.OWNER | {"AWS_SECRET_ACCESS_KEY": "wrong"}, "secret key does not belong"),
    (None, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials found"),
]


ACTIONS: dict[str, Callable[[Bucket, LockedModel, Path], object]] = {
    "upload": lambda bucket, locked, directory: upload(bucket, MODEL, locked, directory),
    "verify": lambda bucket, locked, _: bucket.verify(MODEL, locked),
    "download": lambda bucket, locked, directory: download(bucket, MODEL, locked, directory.with_name("other")),
    "completeness": lambda bucket, *_: bucket.completeness(MODEL),
}


@pytest.mark.parametrize(
    ("action", "refusal"), [*(("upload", refusal) for refusal in REFUSALS), *((name, REFUSALS[1]) for name in ACTIONS)]
)
def test_what_the_store_refuses_is_one_sentence(
    *,
    bucket: Bucket,
    directory: Path,
    locked: LockedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    refusal: tuple[str | None, dict[str, str], str],
) -> None:
    name, environment, reason = refusal
    asked = Bucket(name or bucket.name, bucket.store)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(WeightsError, match=reason) as caught:
        ACTIONS[action](asked, locked, directory)
    assert "\n" not in str(caught.value)
    assert not directory.with_name("other").exists()


def test_a_store_that_does_not_answer(locked: LockedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    if seaweedfs.binary("s5cmd") is None:
        pytest.skip("needs s5cmd")
    for key, value in seaweedfs.OWNER.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(WeightsError, match="the endpoint is unreachable: check the network and --endpoint-url"):
        Bucket("models", s5cmd.find("http://127.0.0.1:1")).verify(MODEL, locked)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False).returncode:
        pytest.skip("a full disk needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(bucket: Bucket, small_disk: Path, tmp_path: Path) -> None:
    directory = write(tmp_path / "m", sharded(second=bytes(3 << 20)))
    made = lock_directory(read_directory(directory)).with_prefix(MODEL)
    upload(bucket, MODEL, made, directory)
    with pytest.raises(WeightsError, match="the disk is full: free up space"):
        download(bucket, MODEL, made, small_disk / "m")
    assert not (small_disk / "m" / SHARDS[1]).exists()
    assert not list((small_disk / "m").glob(".download.*"))
