"""Every step of `lisa weights`, killed or refused by the disk in its middle, and then the same command again.

The processes are real, and so are SeaweedFS and s5cmd; only the Hub is a small one on this machine. Each command first
runs undisturbed, then once for each kind of operation that it does on files and connections, without that operation.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lisa_weights.lock import lock_file
from lisa_weights.lock.digest_cache import DigestCache
from lisa_weights.output_tensors import CONVERTER_VERSION
from lisa_weights.store import s5cmd
from weights import seaweedfs
from weights.faults import KILLED, Commands, commands, content
from weights.hub_server import Hub
from weights.interrupted_commands import (
    BUCKET,
    CHECKPOINT,
    LOCK,
    ON_DISK,
    Case,
    carried,
    converting,
    importing,
    local,
    lock_of,
    with_bucket,
)
from weights.model_files import checkpoint, sharded, single
from weights.project import MODEL

MOST_POINTS = 7
"""Operations of a command on the bucket that are disturbed, spread evenly: each run starts s5cmd several times."""

ALLOCATING = ("open ", "os.mkdir", "os.link", "os.rename", "pwrite", "copy_file_range")
"""Operations that a full disk refuses."""


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with a checkpoint of the project's model."""
    files = {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd" * 500)}
    with Hub(files, model=MODEL) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def lisa(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[Commands]:
    environment = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_OFFLINE": "0", **seaweedfs.OWNER}
    with commands(tmp_path_factory.mktemp("reports"), environment) as running:
        case = ON_DISK["import of a checkpoint"]
        root = case.fresh(tmp_path_factory.mktemp("warm") / "project")
        running.warm("weights", *case.arguments(root))
        yield running


def lock_bytes(root: Path) -> bytes | None:
    return (root / LOCK).read_bytes() if (root / LOCK).exists() else None


@pytest.mark.parametrize("name", ON_DISK)
def test_kill_at_each_operation(lisa: Commands, tmp_path: Path, name: str) -> None:
    case = ON_DISK[name]
    expected, operations = case.undisturbed(lisa, tmp_path / "undisturbed")
    for number, operation in operations.items():
        root = case.fresh(tmp_path / str(number))
        killed = case.run(lisa, root, at=number)
        # huggingface_hub's threads leave out an operation now and then: such a run ends before the last ones.
        assert killed.status == KILLED or len(killed.operations) < number, operation
        assert lock_bytes(root) in (None, expected.get(LOCK)), operation
        again = case.run(lisa, root)
        assert again.status == 0, f"{operation}: {again.output}"
        assert content(root) == expected, operation
        shutil.rmtree(root)


@pytest.mark.parametrize("name", ["convert", "import of a checkpoint", "import that replaces", "fetch"])
def test_full_disk_at_each_operation(lisa: Commands, tmp_path: Path, name: str) -> None:
    case = ON_DISK[name]
    expected, operations = case.undisturbed(lisa, tmp_path / "undisturbed")
    for number, operation in operations.items():
        if not operation.startswith(ALLOCATING):
            continue
        root = case.fresh(tmp_path / str(number))
        refused = case.run(lisa, root, at=number, action="refuse")
        if refused.status == 0:  # the cache of digests and huggingface_hub's only save time
            assert content(root) == expected, operation
        else:
            assert (refused.status, "Traceback" in refused.output) == (1, False), f"{operation}: {refused.output}"
            assert "ree up space" in refused.output, f"{operation}: {refused.output}"
            assert lock_bytes(root) in (None, expected.get(LOCK)), operation
        again = case.run(lisa, root)
        assert again.status == 0, f"{operation}: {again.output}"
        assert content(root) == expected, operation
        shutil.rmtree(root)


def objects(store: seaweedfs.Store) -> dict[str, int]:
    return {str(entry["key"]): int(entry["size"]) for entry in s5cmd.find(store.endpoint_url).list(f"s3://{BUCKET}/*")}


def fill(store: seaweedfs.Store, root: Path, name: str) -> None:
    """Bring the bucket into the state before a command."""
    store.empty(BUCKET)
    prefix = {"adopt": MODEL, "download": ""}.get(name)
    if prefix is not None:
        store.do("cp", f"{root / 'carried'}/", f"s3://{BUCKET}/{prefix or lock_of(root / 'carried').prefix}/")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in seaweedfs.OWNER.items():
        monkeypatch.setenv(key, value)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("name", ["stage", "stage from the Hub", "upload", "download", "adopt"])
def test_kill_in_the_middle_of_a_transfer(lisa: Commands, store: seaweedfs.Store, tmp_path: Path, name: str) -> None:
    case = with_bucket(store.endpoint_url)[name]
    root = case.fresh(tmp_path / "undisturbed")
    fill(store, root, name)
    done = case.run(lisa, root)
    assert done.status == 0, done.output
    expected, stored = content(root), objects(store)
    count = len(done.operations)
    for number in sorted({count - step * count // MOST_POINTS for step in range(MOST_POINTS)}):
        root = case.fresh(tmp_path / str(number))
        fill(store, root, name)
        killed = case.run(lisa, root, at=number)
        operation = done.operations[number - 1]
        assert killed.status in (KILLED, 0), operation  # threads share the operations differently in each run
        again = case.run(lisa, root)
        assert again.status == 0, f"{operation}: {again.output}"
        assert content(root) == expected, operation
        assert objects(store) == stored, operation
        if name in ("upload", "adopt"):  # stage verifies what it has uploaded
            verified = lisa.run(root, "weights", "verify", "--endpoint-url", store.endpoint_url)
            assert verified.status == 0, f"{operation}: {verified.output}"
        shutil.rmtree(root)
    store.empty(BUCKET)


def test_kill_while_the_hub_sends_a_file(lisa: Commands, hub: Hub, tmp_path: Path) -> None:
    case = ON_DISK["fetch"]
    expected, _ = case.undisturbed(lisa, tmp_path / "undisturbed")
    root = case.fresh(tmp_path / "killed")
    hub.pauses = "pytorch_model.bin"
    try:
        running = lisa.start(root, "weights", *case.arguments(root))
        assert hub.paused.wait(30)
        running.kill()
        assert running.wait().status == KILLED
    finally:
        hub.pauses = None
        hub.resumed.set()
    status = lisa.run(root, "weights", "status", "--offline", "--project", str(root))
    assert f"its download from the Hub has not ended: run `lisa weights fetch {MODEL}`" in status.output
    assert case.run(lisa, root).status == 0
    assert content(root) == expected


OTHER = "org/other-model"


def test_two_processes_lock_different_models(lisa: Commands, tmp_path: Path) -> None:
    """The first one is held between reading the lock file and replacing it."""
    case = Case(importing("carried"), carried(sharded()))
    root = case.fresh(tmp_path / "project")
    carried(single(), "other")(root)
    first = lisa.start(
        root, "weights", *case.arguments(root), at=1, naming=f"os.rename {root}/.weights.lock.json", action="hold"
    )
    first.wait_until_held()
    second = lisa.start(root, "weights", *importing("other", model=OTHER)(root))
    time.sleep(1)
    first.release()
    assert [first.wait().status, second.wait().status] == [0, 0]
    assert sorted(lock_file.load(root / LOCK).models) == sorted([MODEL, OTHER])


def test_two_processes_record_different_conversions(lisa: Commands, tmp_path: Path) -> None:
    root = Case(converting(), local(CHECKPOINT)).fresh(tmp_path / "project")
    local(CHECKPOINT, OTHER)(root)
    first = lisa.start(
        root, "weights", *converting()(root), at=1, naming=f"os.rename {root}/models/..lisa-weights.json", action="hold"
    )
    first.wait_until_held()
    second = lisa.start(root, "weights", *converting(OTHER)(root))
    time.sleep(1)
    first.release()
    assert [first.wait().status, second.wait().status] == [0, 0]
    recorded = DigestCache.load(root / "models")
    assert sorted(recorded.conversions) == sorted([MODEL, OTHER])
    assert [recorded.converter(MODEL), recorded.converter(OTHER)] == [CONVERTER_VERSION] * 2


@pytest.mark.parametrize(
    ("name", "naming", "said"),
    [
        ("convert", "pwrite", "Another process is converting small-model. Rerun the command when it is done."),
        ("convert", "os.rename", "Another process is converting small-model. Rerun the command when it is done."),
        ("import of a tar", "open ", "Another process is importing into org. Rerun the command when it is done."),
    ],
)
def test_the_second_process_on_one_model_is_refused(
    lisa: Commands, tmp_path: Path, name: str, naming: str, said: str
) -> None:
    case = ON_DISK[name]
    expected, _ = case.undisturbed(lisa, tmp_path / "undisturbed")
    root = case.fresh(tmp_path / "project")
    first = lisa.start(root, "weights", *case.arguments(root), at=2, naming=naming, action="hold")
    first.wait_until_held()
    second = case.run(lisa, root)
    assert (second.status, said in second.output) == (1, True), second.output
    first.release()
    assert first.wait().status == 0
    assert content(root) == expected


@pytest.mark.usefixtures("credentials")
def test_two_processes_stage_one_model(lisa: Commands, store: seaweedfs.Store, tmp_path: Path) -> None:
    store.empty(BUCKET)
    case = with_bucket(store.endpoint_url)["stage"]
    root = case.fresh(tmp_path / "project")
    first = lisa.start(root, "weights", *case.arguments(root), at=3, naming="http.client.send", action="hold")
    first.wait_until_held()
    second = case.run(lisa, root)
    assert second.status == 0, second.output
    expected, stored = content(root), objects(store)
    first.release()
    last = first.wait()
    assert last.status == 0, last.output
    assert (content(root), objects(store)) == (expected, stored)
    store.empty(BUCKET)
