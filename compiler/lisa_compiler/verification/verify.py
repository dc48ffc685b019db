"""All checks of a deployment, repeated until they pass or the time is over."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.verification.check import Check, Outcome, unknown
from lisa_compiler.verification.endpoint import Endpoint
from lisa_compiler.verification.services import ServiceReader
from lisa_compiler.verification.stacks import check_stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lisa_compiler.artifacts.assembly import Stack
    from lisa_compiler.aws.cloudformation import CloudFormation
    from lisa_compiler.plan import Deployment, ServicePlan

_GATEWAY = "serve"
_ADDRESS = "RestApiUrl"
"""Output of the gateway's stack with its address."""

_PAUSE_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationOptions:
    """How a deployment is verified.

    Attributes:
        token: what requests carry; None verifies none where the gateway requires one.
        url: address of the gateway; None for the one in the stack's outputs.
        ca_bundle: PEM file of the authorities to trust.
        timeout: seconds that each answer may take.
        wait: seconds in which failed checks are repeated.
    """

    token: str | None = None
    url: str | None = None
    ca_bundle: Path | None = None
    timeout: float = 60.0
    wait: float = 0.0


def verify(
    deployment: Deployment,
    stacks: Sequence[Stack],
    cloudformation: CloudFormation,
    options: VerificationOptions,
    report: Callable[[str], None],
) -> tuple[Check, ...]:
    """Verify these stacks: each stack, the service that it has, and requests when the gateway is among them.

    Raises:
        DeployError: AWS denies access or does not answer.
    """
    end = time.monotonic() + options.wait
    reader = ServiceReader(cloudformation.account, cloudformation.reader)
    reported = ""
    while True:
        checks = _checks(deployment, stacks, cloudformation, reader, options)
        failures = [check for check in checks if check.outcome is Outcome.FAILED]
        left = end - time.monotonic()
        if not failures or left <= 0:
            return checks
        waiting = f"waiting for {failures[0].component}, {failures[0].subject}: {failures[0].detail}"
        if waiting != reported:
            report(waiting)
            reported = waiting
        time.sleep(min(_PAUSE_SECONDS, left))


def _checks(
    deployment: Deployment,
    stacks: Sequence[Stack],
    cloudformation: CloudFormation,
    reader: ServiceReader,
    options: VerificationOptions,
) -> tuple[Check, ...]:
    deployed = cloudformation.stacks()
    services = _services(deployment)
    by_component: dict[str, list[Check]] = {}
    for check in check_stacks(stacks, deployed):
        checks = by_component.setdefault(check.component, [check])
        found = next(stack for stack in stacks if stack.component == check.component)
        if check.component in services and found.name in deployed and deployed[found.name].exists:
            service = services[check.component]
            schedule = service.auto_scaling.schedule
            checks += reader.check(check.component, service.cluster, f"/lisa/{service.cluster}", schedule)
    if _GATEWAY in by_component:
        outputs = {stack.component: deployed[stack.name].outputs for stack in stacks if stack.name in deployed}
        address = options.url or outputs.get(_GATEWAY, {}).get(_ADDRESS)
        for check in _requests(deployment, by_component, address, options):
            by_component[check.component].append(check)
    return tuple(check for checks in by_component.values() for check in checks)


def _services(deployment: Deployment) -> Mapping[str, ServicePlan]:
    return {_GATEWAY: deployment.rest_api, **{model.component: model.service for model in deployment.models}}


def _requests(
    deployment: Deployment,
    checked: Mapping[str, Sequence[Check]],
    address: str | None,
    options: VerificationOptions,
) -> tuple[Check, ...]:
    if address is None:
        return (unknown(_GATEWAY, "address", "the serve stack has no address yet", "Run `lisa deploy`."),)
    # A model that is stopped answers nothing, and that is no fault.
    models = [
        model
        for model in deployment.models
        if model.component in checked
        and not any(check.outcome is Outcome.UNKNOWN for check in checked[model.component])
    ]
    endpoint = Endpoint(
        address.rstrip("/"),
        options.token,
        options.ca_bundle,
        options.timeout,
        is_internal=not deployment.rest_api.internet_facing,
    )
    return endpoint.check(models, needs_token=deployment.use_auth)
