"""A plan as Markdown: the summary of a job, or the comment of a merge request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.ci.markdown import code, details, table
from lisa_compiler.deploy.plan import Action
from lisa_compiler.deploy.template_diff import ChangeType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lisa_compiler.ci.planning import PlanReport
    from lisa_compiler.deploy.plan import StackChange

_MARKER = "<!-- lisa-plan:{} -->"


def render(report: PlanReport, digest: str) -> str:
    """Write a plan for the person who approves it.

    Args:
        report: the plan.
        digest: SHA-256 of its file; empty without one.
    """
    return "\n".join([_MARKER.format(report.environment), *_lines(report, digest), ""])


def _lines(report: PlanReport, digest: str) -> Iterator[str]:
    place = f"account {code(report.account)}, {report.region}"
    if report.plan is None:
        yield f"### {report.environment}: nothing to deploy"
        yield ""
        yield f"{report.source} in {place}: {code(report.standing.reason)}"
        return
    yield f"### {report.environment}: {_headline(report)}"
    yield ""
    yield f"{report.source} to {place}. Why: {code(report.standing.reason)}"
    yield ""
    yield from _warnings(report)
    rows = [
        (step.component, f"**{step.action.value}**", _counts(step), code(step.reason) if step.reason else "")
        for step in report.steps
        if step.action is not Action.NONE or step.reason
    ]
    yield from table(("Stack", "Action", "Resources", "Reason"), rows)
    same = sum(step.action is Action.NONE for step in report.steps)
    yield ""
    yield f"Stacks without a change: {same}. {_prepared(report)}"
    yield ""
    actions = [
        (stack.component, code(action)) for stack in report.plan.stacks if stack.change_set for action in stack.actions
    ]
    if actions:
        yield from details(
            f"What CloudFormation does with {len(actions)} resources", table(("Stack", "Change"), actions)
        )
    yield report.impact
    yield ""
    yield (
        f"<sub>Plan {code(digest)} (SHA-256) of LISA {report.plan.version}, made {report.plan.made}, valid until "
        f"{report.plan.expires}. It is applied only if nothing has moved since.</sub>"
    )


def _headline(report: PlanReport) -> str:
    counts = [
        (sum(step.action is action for step in report.steps), word)
        for action, word in ((Action.DESTROY, "destroy"), (Action.CREATE, "create"), (Action.UPDATE, "update"))
    ]
    return ", ".join(f"{word} {count} stack{'' if count == 1 else 's'}" for count, word in counts if count)


def _warnings(report: PlanReport) -> Iterator[str]:
    destroyed = [step.component for step in report.steps if step.action is Action.DESTROY]
    found = [
        ("Destroys", destroyed),
        ("Modified outside CloudFormation", report.modified),
        ("Recovers first", report.plan.recovery if report.plan else ()),
        ("Locked now by", [report.holder] if report.holder else []),
    ]
    for what, names in found:
        if names:
            yield f"> **{what}:** {', '.join(code(name) for name in names)}"
            yield ">"
    yield ""


def _prepared(report: PlanReport) -> str:
    parts = [("Artifacts to publish", report.artifacts), ("weights to stage", report.weights)]
    said = [f"{what}: {', '.join(code(name) for name in names)}" for what, names in parts if names]
    return f"{'; '.join(said) or 'No artifacts to publish'}."


def _counts(step: StackChange) -> str:
    counts = [(step.count(difference), difference.value) for difference in ChangeType]
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "-"
