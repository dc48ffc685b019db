"""What a deployment requires before it changes anything: pinned AMIs and staged weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.plan.amis import UnpinnedAmi

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Stack
    from lisa_compiler.deploy.deployment_context import DeploymentContext


def require_amis(context: DeploymentContext, selected: Sequence[Stack]) -> None:
    """Reject a deployment of EC2 instances whose AMI was not reviewed.

    Raises:
        DeployError: the lock file lacks some, and the configuration names none.
    """
    components = {stack.component for stack in selected}
    deployment = context.deployment
    services = {"serve": deployment.rest_api, **{model.component: model.service for model in deployment.models}}
    found = sorted(
        f"{component}: {service.ami.parameter}"
        for component, service in services.items()
        if component in components and isinstance(service.ami, UnpinnedAmi)
    )
    if found:
        listed = "".join(f"\n  {line}" for line in found)
        raise DeployError(
            f"The AMI of these stacks is not pinned:{listed}\n"
            f"Run `lisa ami refresh --env {context.environment}`, then compile, review and commit."
        )


def require_weights(context: DeploymentContext, selected: Sequence[Stack]) -> None:
    """Reject a deployment of models whose weights are not staged.

    Raises:
        DeployError: the lock file or the bucket lacks some.
    """
    components = {stack.component for stack in selected}
    models = [model for model in context.deployment.models if model.component in components]
    needed = {name for model in models for name in model.weights_names}
    if not needed:
        return
    workspace = context.workspace()
    lock, bucket = workspace.lock(), workspace.bucket()
    problems = []
    for model in sorted(needed):
        locked = lock.models.get(model)
        if locked is None:
            problems.append(f"{model} is not in weights.lock.json")
        elif found := bucket.verify(model, locked):
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            problems.append(f"{bucket.url(locked.location(model))}: {found[0].message}{more}")
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise DeployError(
            f"Weights are not staged; instances require them:{listed}\n"
            f"Run `lisa weights stage --env {context.environment}`, then compile and commit."
        )
