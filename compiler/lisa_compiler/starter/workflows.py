"""The GitHub workflows, check and deploy, for a configuration's repository and for LISA's own.

`python -m lisa_compiler.starter.workflows` writes LISA's own; a test finds them stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lisa_compiler.resources import jinja_environment

if TYPE_CHECKING:
    import jinja2

FOLDER: Final = ".github/workflows"

_ACTIONS: Final = {
    "checkout": "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2",
    "configure_aws_credentials": (
        "aws-actions/configure-aws-credentials@a03048d87541d1d9fcf2ecf528a4a65ba9bd7838 # v5.0.0"
    ),
    "download_artifact": "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0",
    "setup_python": "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0",
    "upload_artifact": "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    "upload_sarif": "github/codeql-action/upload-sarif@ff0a06e83cb2de871e5a09832bc6a81e7276941f # v3.28.18",
}
"""Every action by the commit of its release: a tag could be moved to other code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSettings:
    """What differs between repositories.

    Attributes:
        header: first line of each workflow, without the comment's mark.
        environments: those that the deploy workflow deploys, in order.
        install: the command that installs LISA.
        lisa: how the command is called afterwards.
        strict: whether a warning of the compiler fails the check, as for weights that are not staged.
        own_tests: whether the repository's own tests are a job as well.
    """

    header: str
    environments: Sequence[str]
    install: str
    lisa: str
    strict: bool
    own_tests: bool


OWN: Final = WorkflowSettings(
    header="Made by `make workflows` from templates/workflows; do not edit.",
    environments=("dev", "prod"),
    install="make install",
    lisa=".venv/bin/lisa",
    # The weights of the example's models are not staged.
    strict=False,
    own_tests=True,
)
"""LISA's own repository."""


def workflows(settings: WorkflowSettings) -> dict[str, str]:
    """Render both workflows, by path in the repository."""
    return {
        f"{FOLDER}/{name}.yml": _environment()
        .get_template(f"workflows/{name}.yml.j2")
        .render(
            header=settings.header,
            actions=_ACTIONS,
            environments=settings.environments,
            install=settings.install,
            lisa=settings.lisa,
            strict=settings.strict,
            own_tests=settings.own_tests,
        )
        for name in ("check", "deploy")
    }


@cache
def _environment() -> jinja2.Environment:
    # GitHub's own expressions are written with double braces.
    return jinja_environment().overlay(
        variable_start_string="[=",
        variable_end_string="=]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
    )


def write_own(root: Path) -> None:
    """Write LISA's own workflows."""
    for path, text in workflows(OWN).items():
        (root / path).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_own(Path(__file__).parents[3])
