"""`make mutate`: mutate the modules that a change touches, and list the mutants that no test notices.

Runs in the environment of requirements/mutate.txt; the tests run in that of requirements/dev.txt.
"""

from __future__ import annotations

import argparse
import math
import os
import queue
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, WorkItem

from mutation.equivalents import is_equivalent_operator, unobservable_lines
from mutation.suites import ROOT, Suite, find_suite, load_suites

_SHORTEST_LIMIT = 30
_LIMIT_FACTOR = 5

_PLUGINS = ("anyio", "xdist.plugin", "syrupy")
"""Plugins that tests need; to load all that are installed takes as long as the tests of a mutant."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutation of a source, with the tests that may notice it and the seconds after which it counts as noticed."""

    source: str
    mutation: MutationSpec
    suite: Suite
    limit: float


def changed_sources(base: str) -> list[str]:
    """Python files that differ from where this branch left the base, committed or not."""
    point = _git("merge-base", base, "HEAD")[0]
    changed = [*_git("diff", "--name-only", "--diff-filter=d", point), *_git("ls-files", "-o", "--exclude-standard")]
    return sorted({name for name in changed if name.endswith(".py")})


def copy_checkout(folder: Path) -> Path:
    """Copy the checkout without its history and its compiled output; the environment stays where it is."""
    for name in _git("ls-files", "-co", "--exclude-standard"):
        source = ROOT / name
        if source.is_file() and not name.startswith("generated/"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for name in (".venv", "generated", "node_modules"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


def command(folder: Path, suite: Suite, limit: float | None = None) -> str:
    """The command that runs a suite's tests in a copy of the checkout, and stops at the first failure.

    A mutant may never end. Cosmic Ray ends it after `limit` seconds; `timeout` does so if Cosmic Ray itself was ended.
    """
    packages = os.pathsep.join(str(folder / name) for name in ("schema", "compiler", "weights"))
    plugins = [word for name in ("no:cacheprovider", *_PLUGINS) for word in ("-p", name)]
    pytest = ["-P", "-m", "pytest", "-x", "-q", *plugins, "-n", "0", "--no-header"]
    bounded = [] if limit is None else ["timeout", "--kill-after=1", str(math.ceil(limit) + 5)]
    words = [*bounded, "env", "-C", str(folder), f"PYTHONPATH={packages}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1"]
    words += [".venv/bin/python", *pytest, *suite.tests]
    return shlex.join(words)


def measure_limit(folder: Path, suite: Suite) -> float:
    """Seconds that a mutant's tests may take: five times those of the unchanged code.

    That run writes the byte code of the copy, which the mutants' runs then use.

    Raises:
        SystemExit: the tests fail without a mutant.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.monotonic()
    done = subprocess.run(
        shlex.split(command(folder, suite)), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(suite.tests)} fail without a mutant:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return max(_SHORTEST_LIMIT, _LIMIT_FACTOR * (time.monotonic() - began))


def find_mutations(checkout: Path, source: str) -> list[MutationSpec]:
    """The mutations of a source, without those that nothing can notice, in the order of the lines.

    They are found in a copy of the checkout, so that the source can be edited while its mutants are tested.
    """
    path = checkout / source
    unobservable = unobservable_lines(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, use_db(f"{folder}/session.sqlite", WorkDB.Mode.create) as session:
        init([path], session, {})
        items: list[WorkItem] = list(session.work_items)
    found = [
        item.mutations[0]
        for item in items
        if not is_equivalent_operator(item.mutations[0].operator_name)
        and tuple(item.mutations[0].start_pos) not in unobservable
    ]
    return sorted(found, key=lambda one: (one.start_pos, one.operator_name, one.occurrence))


def run_mutants(mutants: list[Mutant], folders: list[Path]) -> dict[str, list[tuple[Mutant, str | None]]]:
    """Run the tests for each mutant, one at a time in each copy; the diff of a mutant that survived, else None.

    Survivors are printed as they are found, and each source's figure after its last mutant.
    """
    free: queue.Queue[Path] = queue.Queue()
    for folder in folders:
        free.put(folder)

    def run(mutant: Mutant) -> tuple[Mutant, str | None]:
        folder = free.get()
        try:
            one = mutant.mutation
            there = MutationSpec(folder / mutant.source, one.operator_name, one.occurrence, one.start_pos, one.end_pos)
            result = mutate_and_test([there], command(folder, mutant.suite, mutant.limit), mutant.limit)
            return mutant, None if result.is_killed else result.diff
        finally:
            free.put(folder)

    found: dict[str, list[tuple[Mutant, str | None]]] = defaultdict(list)
    planned = Counter(mutant.source for mutant in mutants)
    pool = ThreadPoolExecutor(len(folders))
    try:
        for mutant, diff in pool.map(run, mutants):
            tried = found[mutant.source]
            tried.append((mutant, diff))
            if diff is not None:
                lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
                print(f"{mutant.source}:{mutant.mutation.start_pos[0]}: survived", *lines, sep="\n  ", flush=True)
            if len(tried) == planned[mutant.source]:
                print(summary(mutant.source, tried), file=sys.stderr, flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
    return found


def summary(source: str, tried: list[tuple[Mutant, str | None]]) -> str:
    """How many mutants of a source were killed."""
    killed = sum(diff is None for _, diff in tried)
    return f"{source}: {killed} of {len(tried)} killed ({killed / len(tried):.0%})"


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="make mutate", description="List the mutants that no test notices.")
    parser.add_argument("sources", nargs="*", help="modules to mutate; default: those that the change touches")
    parser.add_argument("--base", default="main", help="branch or commit that the change is compared with")
    parser.add_argument("--sample", type=int, metavar="N", help="mutants of each module at most, chosen by --seed")
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants that are tested at once")
    asked = parser.parse_args()
    # As Ctrl-C does: remove the copies.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    suites = load_suites()
    sources = {name: find_suite(name, suites) for name in asked.sources or changed_sources(asked.base)}
    if not any(sources.values()):
        print("No module of tests/mutation/suites.toml is touched.")
        return 0
    with tempfile.TemporaryDirectory(prefix="lisa-mutate-") as parent:
        folders = [copy_checkout(Path(parent, str(number))) for number in range(asked.jobs)]
        limits: dict[Suite, float] = {}
        mutants: list[Mutant] = []
        totals: dict[str, int] = {}
        for source, suite in sources.items():
            if suite is None:
                continue
            limits.setdefault(suite, measure_limit(folders[0], suite) if suite not in limits else 0)
            found = find_mutations(folders[0], source)
            totals[source] = len(found)
            if asked.sample is not None and len(found) > asked.sample:
                found = random.Random(asked.seed).sample(found, asked.sample)
            mutants += [Mutant(source, mutation, suite, limits[suite]) for mutation in found]
        print(f"{len(mutants)} mutants of {len(totals)} modules", file=sys.stderr, flush=True)
        results = run_mutants(mutants, folders)
    for source, tried in results.items():
        print(f"{summary(source, tried)}, of {totals[source]} mutants")
    return 0


def _git(*arguments: str) -> list[str]:
    return subprocess.run(
        ["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True
    ).stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
