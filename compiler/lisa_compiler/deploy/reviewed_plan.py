"""A plan in a file: made, read by people, and applied as it is, or refused when anything has moved meanwhile.

What is compared is computed again when the plan is applied, from the output and the account; the file only says what
was agreed to. So a file that someone edits cannot make a deployment do anything else than what the output has.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy.states import Recovery
from lisa_compiler.output.manifest import sha256
from lisa_compiler.project.paths import shown_path
from lisa_schema.atomic_file import replace_file
from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lisa_compiler.artifacts.assembly import Stack
    from lisa_compiler.aws.cloudformation import CloudFormation, DeployedStack
    from lisa_compiler.deploy.plan import StackChange
    from lisa_compiler.deploy.session import DeploySession, StackPlan
    from lisa_compiler.ledger.source import Source

SCHEMA_VERSION = 1
"""Raised when the form of the file changes."""

VALID = timedelta(hours=24)
"""How long a plan can be applied."""

_NOT_DEPLOYED = "not deployed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStack:
    """What a plan does with a stack.

    Attributes:
        component: its component.
        name: CloudFormation's name.
        action: create, update, no change or destroy.
        deployed: SHA-256 of the deployed template, tags, parameter values and status.
        compiled: SHA-256 of the compiled template and tags; empty for one that is destroyed.
        change_set: ARN of its change set; empty without one.
        actions: what the change set does with each resource.
    """

    component: str
    name: str
    action: str
    deployed: str
    compiled: str
    change_set: str = ""
    actions: tuple[str, ...] = ()

    def pinned(self) -> tuple[str, ...]:
        """What must be the same when the plan is applied."""
        return self.component, self.name, self.action, self.deployed, self.compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedPlan:
    """A plan as its file has it.

    Attributes:
        environment: name of the environment.
        account: twelve digits.
        region: Region of the deployment.
        only: the stack that was selected; empty for all.
        commit: digest of the commit; empty outside of a Git repository.
        digest: SHA-256 of the output's manifest.
        base: identity of the newest record of the ledger; empty without one.
        version: of LISA.
        made_by: ARN of the caller.
        made: time in UTC (ISO 8601).
        expires: time in UTC after which it is refused.
        stacks: what becomes of each, in order; those that are destroyed first.
        impacts: consequences since the deployed commit, those with the highest risk first, with estimated minutes of
            interruptions, as `lisa diff` has them; for people, and never compared.
        cost: how the cost of the instances changes, likewise; empty if it does not, or where it is unknown.
        recovery: stacks that recover from an earlier failure first, and how; such a plan has no change sets.
    """

    environment: str
    account: str
    region: str
    only: str
    commit: str
    digest: str
    base: str
    version: str
    made_by: str
    made: str
    expires: str
    stacks: tuple[PlannedStack, ...]
    impacts: tuple[str, ...] = ()
    cost: str = ""
    recovery: tuple[str, ...] = ()

    @property
    def change_set_name(self) -> str:
        """Name of its change sets: the same in all stacks."""
        return f"lisa-{sha256(json.dumps([self.digest, self.base, self.made]).encode())[:16]}"

    def write(self, path: Path) -> None:
        """Write the file.

        Raises:
            DeployError: it cannot be written.
        """
        text = json.dumps({"schemaVersion": SCHEMA_VERSION, **asdict(self)}, indent=2) + "\n"
        try:
            replace_file(path, text.encode())
        except OSError as error:
            raise DeployError(f"{shown_path(path)} cannot be written: {error.strerror}.") from error

    def require_unmoved(self, now: ReviewedPlan) -> None:
        """Require that the same plan would be made now.

        Raises:
            DeployError: something has moved since, or the plan has expired.
        """
        moved = list(self._moved(now))
        if moved:
            listed = "".join(f"\n  {line}" for line in moved)
            raise DeployError(
                f"The plan can no longer be applied:{listed}\nMake a new one with `lisa plan --env {now.environment} "
                "--out FILE`, and have it approved."
            )

    def _moved(self, now: ReviewedPlan) -> Iterator[str]:
        for what, planned, found in (
            ("environment", self.environment, now.environment),
            ("account", self.account, now.account),
            ("Region", self.region, now.region),
            ("version of LISA", self.version, now.version),
            ("commit", self.commit[:12], now.commit[:12]),
            ("digest of the output", self.digest[:12], now.digest[:12]),
        ):
            if planned != found:
                yield f"{what}: planned {planned or 'none'}, now {found or 'none'}"
        if self.expires < now.made:
            yield f"it expired at {self.expires}"
        if self.base != now.base:
            yield "another deployment has begun since"
        if self.recovery != now.recovery:
            yield f"recovery: planned {_listed(self.recovery)}, now {_listed(now.recovery)}"
        after = {stack.name: stack for stack in now.stacks}
        for stack in self.stacks:
            other = after.pop(stack.name, None)
            if other is None:
                yield f"{stack.name}: planned {stack.action}, now not among the stacks"
            elif other.pinned() != stack.pinned():
                yield f"{stack.name}: {_difference(stack, other)}"
        for name, stack in after.items():
            yield f"{name}: not in the plan, now {stack.action}"


def make_plan(session: DeploySession, planned: StackPlan, source: Source, base: str, only: str | None) -> ReviewedPlan:
    """Describe a plan, without change sets.

    Args:
        session: the environment and the account.
        planned: what becomes of the stacks.
        source: what is deployed.
        base: identity of the newest record of the ledger; empty without one.
        only: the stack that was selected.

    Raises:
        DeployError: AWS rejects a request.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    cloudformation = session.cloudformation
    deployed = cloudformation.stacks()
    compiled = {stack.name: stack for stack in session.assembly.stacks}
    return ReviewedPlan(
        environment=session.context.environment,
        account=session.account.number,
        region=session.account.region,
        only=only or "",
        commit=source.commit or "",
        digest=source.digest,
        base=base,
        version=VERSION,
        made_by=session.account.caller,
        made=now.isoformat(),
        expires=(now + VALID).isoformat(),
        stacks=tuple(
            _planned(step, compiled.get(step.name), deployed.get(step.name), cloudformation)
            for step in (*planned.orphaned, *planned.steps)
        ),
        recovery=tuple(
            f"{step.component}: {step.reason}"
            for step in planned.steps
            if step.recovery is not Recovery.NONE or step.adopted
        ),
    )


def read_plan(path: Path) -> ReviewedPlan:
    """Read a plan from its file.

    Raises:
        DeployError: it cannot be read, or is not one of this version.
    """
    try:
        content = path.read_bytes()
        version = dict(json.loads(content)).get("schemaVersion")
        if version == SCHEMA_VERSION:
            return TypeAdapter(ReviewedPlan).validate_json(content)
    except OSError as error:
        raise DeployError(f"{shown_path(path)} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise DeployError(
            f"{shown_path(path)} is not a plan: make one with `lisa plan --env … --out FILE`. ({error})"
        ) from error
    raise DeployError(f"{shown_path(path)} has the form {version}, not {SCHEMA_VERSION}: make a new plan.")


def _planned(
    step: StackChange, compiled: Stack | None, deployed: DeployedStack | None, cloudformation: CloudFormation
) -> PlannedStack:
    return PlannedStack(
        component=step.component,
        name=step.name,
        action=step.action.value,
        deployed=_deployed_digest(deployed, cloudformation),
        compiled="" if compiled is None else _digest(json.loads(compiled.template.read_bytes()), dict(compiled.tags)),
    )


def _deployed_digest(deployed: DeployedStack | None, cloudformation: CloudFormation) -> str:
    if deployed is None:
        return _NOT_DEPLOYED
    if not deployed.exists:
        return deployed.status
    template = cloudformation.template(deployed.name)
    return _digest(template, dict(deployed.tags), dict(deployed.parameters), deployed.status)


def _listed(recovery: tuple[str, ...]) -> str:
    return "; ".join(recovery) or "none"


def _digest(*values: object) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode())


def _difference(planned: PlannedStack, found: PlannedStack) -> str:
    if planned.action != found.action:
        return f"planned {planned.action}, now {found.action}"
    if planned.compiled != found.compiled:
        return "its compiled template has changed"
    return "the deployed stack has changed"
