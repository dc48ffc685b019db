"""The files of a plan: the plan itself, what people read, and variables for the jobs that follow.

    plans/prod.json   the plan, as `lisa deploy --plan` applies it; not there when there is nothing to deploy
    plans/prod.md     for the person who approves
    plans/prod.env    LISA_PLANNED, LISA_PLAN_SHA256: variables of a shell, or of GitLab (artifacts:reports:dotenv)

A pipeline hands the digest from the job that plans to the one that applies by another way than the file, so that a file
that someone replaces in between is refused.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from pathlib import Path

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.output.manifest import sha256
from lisa_compiler.project.paths import shown_path
from lisa_schema.atomic_file import replace_file

NOTHING = "none"
"""What stands for the digest where nothing was planned: variables of some systems must not be empty."""


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """The files of an environment's plan.

    Attributes:
        folder: where they are.
        environment: name of the environment.
    """

    folder: Path
    environment: str

    @property
    def plan(self) -> Path:
        """The plan."""
        return self.folder / f"{self.environment}.json"

    @property
    def text(self) -> Path:
        """What people read."""
        return self.folder / f"{self.environment}.md"

    @property
    def variables(self) -> Path:
        """Variables for later jobs."""
        return self.folder / f"{self.environment}.env"

    def clear(self) -> None:
        """Remove what an earlier run left, so that it is never taken for a result of this one.

        Raises:
            DeployError: the directory cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in (self.plan, self.text, self.variables):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise DeployError(f"{shown_path(self.folder)} cannot be written: {error.strerror}.") from error

    def digest(self) -> str:
        """SHA-256 of the plan; empty when there is none.

        Raises:
            DeployError: it cannot be read.
        """
        try:
            return sha256(self.plan.read_bytes())
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise DeployError(f"{shown_path(self.plan)} cannot be read: {error.strerror}.") from error

    def describe(self, text: str) -> None:
        """Write what people read, and the variables.

        Raises:
            DeployError: a file cannot be written.
        """
        digest = self.digest()
        lines = f"LISA_PLANNED={'true' if digest else 'false'}\nLISA_PLAN_SHA256={digest or NOTHING}\n"
        for path, content in ((self.text, text), (self.variables, lines)):
            write_text(path, content)


def require_digest(plan: Path, expected: str) -> bool:
    """Require that a file is the plan that was approved; False when none was made, and there is none.

    Args:
        plan: the file.
        expected: SHA-256 that the job which planned has told; `none` when it planned nothing.

    Raises:
        DeployError: it is another one, or it is missing.
    """
    try:
        found = sha256(plan.read_bytes())
    except FileNotFoundError:
        found = ""
    except OSError as error:
        raise DeployError(f"{shown_path(plan)} cannot be read: {error.strerror}.") from error
    if expected == NOTHING and not found:
        return False
    if not found or not hmac.compare_digest(found.encode(), expected.strip().lower().encode()):
        raise DeployError(
            f"{shown_path(plan)} is not the plan that was approved: its SHA-256 is {found or 'none, it is missing'}, "
            f"the approved one is {expected or 'empty'}. Run the pipeline again."
        )
    return True


def write_text(path: Path, content: str) -> None:
    """Write a file, and the directory that it is in.

    Raises:
        DeployError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content.encode())
    except OSError as error:
        raise DeployError(f"{shown_path(path)} cannot be written: {error.strerror}.") from error
