"""How long a whole deployment takes, against the longest path through the dependencies of its stacks."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lisa_compiler.artifacts.assembly import read
from lisa_compiler.deploy.plan import Action, StackChange
from lisa_compiler.deploy.recovery import batches
from lisa_compiler.deploy.session import CONCURRENCY

ROOT = Path(__file__).parents[3]
# Minutes that stacks take, by the longest of their resources; all others take one.
MINUTES = {"networking": 4, "rag": 20, "serve": 12, "ui": 3}
MODEL_MINUTES = 20

Graph = Mapping[str, Sequence[str]]


def graph(environment: str, models: int) -> Graph:
    """Dependencies of an example environment's stacks, with this many models like its first one."""
    stacks = read(ROOT / "generated", environment, "aws", ()).stacks
    found = {stack.component: list(stack.depends_on) for stack in stacks if not stack.component.startswith("model-")}
    like = next(stack.depends_on for stack in stacks if stack.component.startswith("model-"))
    own = [f"model-{number}" for number in range(models)]
    for component, needs in found.items():
        found[component] = [each for each in needs if not each.startswith("model-")] + (
            own if any(each.startswith("model-") for each in needs) else []
        )
    return found | {name: list(like) for name in own}


def minutes(component: str) -> int:
    return MODEL_MINUTES if component.startswith("model-") else MINUTES.get(component, 1)


def longest_path(dependencies: Graph) -> int:
    ends: dict[str, int] = {}

    def end(component: str) -> int:
        if component not in ends:
            ends[component] = minutes(component) + max(map(end, dependencies[component]), default=0)
        return ends[component]

    return max(map(end, dependencies))


def makespan(dependencies: Graph, concurrency: int) -> int:
    """Minutes until all stacks are deployed, as `lisa deploy` and the `cdk` CLI start them: each as soon as it can."""
    steps = [StackChange(name, name, Action.CREATE) for name in dependencies]
    now, done = 0, set[str]()
    for batch in batches(steps, dependencies):
        waiting, running = [step.component for step in batch], list[tuple[int, str]]()
        while waiting or running:
            ready = [name for name in waiting if set(dependencies[name]) <= done]
            for name in ready[: concurrency - len(running)]:
                heapq.heappush(running, (now + minutes(name), name))
                waiting.remove(name)
            now, finished = heapq.heappop(running)
            done.add(finished)
    return now


@pytest.mark.parametrize("environment", ["dev", "prod", "airgap"])
@pytest.mark.parametrize("models", [1, 3, 12])
def test_a_deployment_takes_little_longer_than_its_longest_path(environment: str, models: int) -> None:
    dependencies = graph(environment, models)
    assert makespan(dependencies, CONCURRENCY) <= 1.2 * longest_path(dependencies)


def test_few_stacks_at_a_time_would_take_longer() -> None:
    dependencies = graph("prod", 12)
    assert makespan(dependencies, 4) > 1.2 * longest_path(dependencies)
