"""ARNs: their six parts, and the forms in which ECS accepts secrets and parameters.

Sources: IAM User Guide, "Amazon Resource Names"; Amazon ECS Developer Guide, "Pass Secrets Manager secrets through
Amazon ECS environment variables" and "Pass Systems Manager parameters"; Secrets Manager User Guide, "What's in a
secret".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ARN: Final = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([A-Za-z0-9-]*):([A-Za-z0-9-]*):(.+)", re.DOTALL)
_SUFFIX: Final = re.compile(r"(?P<name>.+)-(?P<characters>[A-Za-z0-9]{6})")
_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@-]+")
_WORD: Final = re.compile(r"[a-z]+[0-9]*|[A-Z]+[0-9]*|[A-Z][a-z]{2,}[A-Z]*[0-9]*|[0-9]+")
_PARAMETER_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN.

    Attributes:
        partition: `aws-us-gov`.
        service: `secretsmanager`.
        region: empty for a global resource.
        account: twelve digits, `aws` for a resource of AWS, or empty.
        resource: what follows: `secret:name-AbCdEf`.
    """

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def stem(self) -> str:
        """The ARN without its resource, with the last colon."""
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:"


def parse_arn(text: str) -> Arn | None:
    """Return the parts of an ARN; None for any other text."""
    found = _ARN.fullmatch(text)
    return Arn(*found.groups()) if found else None


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A secret or a parameter, as a variable of a container refers to it.

    Attributes:
        arn: its parts.
        name: of the secret with its six random characters where they are written, or of the parameter.
        selector: what follows the name in the form of ECS: JSON key, version stage and version id of a secret, version
            of a parameter; empty for the current value.
        problem: what is wrong with the form, a sentence; empty when ECS accepts it.
        fix: what to write instead, an imperative sentence; empty when there is no problem.
    """

    arn: Arn
    name: str
    selector: tuple[str, ...] = ()
    problem: str = ""
    fix: str = ""

    @property
    def is_secret(self) -> bool:
        """Whether it is a secret of Secrets Manager, and not a parameter."""
        return self.arn.service == "secretsmanager"

    @property
    def resources(self) -> tuple[str, ...]:
        """The ARNs that a policy permits for it, one or two.

        Secrets Manager appends a hyphen and six random letters and digits to the name. What is written may lack them;
        six characters that look like a word, as in `db-secret`, may be either, so that both are permitted.
        """
        if not self.is_secret:
            return (f"{self.arn.stem}parameter/{self.name}",)
        plain = f"{self.arn.stem}secret:{self.name}"
        found = _SUFFIX.fullmatch(self.name)
        if found is None:
            return (f"{plain}-??????",)
        return (plain, f"{plain}-??????") if _WORD.fullmatch(found["characters"]) else (plain,)


def secret_reference(text: str) -> SecretReference | None:
    """Read the ARN of a secret or a parameter in the forms of ECS; None for any other text.

    A text that begins as such an ARN and does not have its form is returned with its problem.
    """
    trimmed = text.strip()
    arn = parse_arn(trimmed)
    if arn is None or arn.service not in ("secretsmanager", "ssm"):
        return None
    kind, separator, rest = arn.resource.partition(":" if arn.service == "secretsmanager" else "/")
    if arn.service == "ssm" and kind != "parameter" and not arn.resource.startswith("parameter"):
        return None
    read = _read_secret if arn.service == "secretsmanager" else _read_parameter
    reference = read(arn, kind if separator else "", rest)
    if trimmed != text:
        return SecretReference(
            arn, reference.name, reference.selector, "The ARN has a space before or after it.", f"Write `{trimmed}`."
        )
    if not (re.fullmatch(r"[0-9]{12}", arn.account) and re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]+", arn.region)):
        return SecretReference(
            arn,
            reference.name,
            reference.selector,
            "The ARN lacks a Region or a twelve-digit account.",
            f"Copy the ARN from the console: arn:{arn.partition}:{arn.service}:<region>:<account>:{arn.resource}.",
        )
    return reference


def _read_secret(arn: Arn, kind: str, rest: str) -> SecretReference:
    name, *selector = rest.split(":")
    if kind != "secret" or not _SECRET_NAME.fullmatch(name):
        fix = f"Write {arn.stem}secret:<name>, with or without its six random characters."
        return SecretReference(arn, name, (), "The ARN is not that of a secret.", fix)
    plain = f"{arn.stem}secret:{name}"
    if not selector:
        return SecretReference(arn, name)
    if len(selector) > 3:
        message = "The ARN has more than a JSON key, a version stage and a version ID after the name."
        return SecretReference(arn, name, tuple(selector), message, f"Write `{plain}:{selector[0]}:{selector[1]}:`.")
    if len(selector) < 3:
        written = ":".join([*selector, *[""] * (3 - len(selector))])
        message = (
            "After the name, ECS requires three fields: JSON key, version stage and version ID, which may be empty."
        )
        return SecretReference(arn, name, tuple(selector), message, f"Write `{plain}:{written}`.")
    if selector[1] and selector[2]:
        message = "ECS accepts a version stage or a version ID, not both."
        return SecretReference(arn, name, tuple(selector), message, f"Write `{plain}:{selector[0]}:{selector[1]}:`.")
    return SecretReference(arn, name, tuple(selector))


def _read_parameter(arn: Arn, kind: str, rest: str) -> SecretReference:
    name, *selector = rest.split(":")
    if kind != "parameter" or not _PARAMETER_NAME.fullmatch(name):
        written = "/".join(part for part in re.split(r"[:/]+", arn.resource.removeprefix("parameter")) if part)
        fix = f"Write `{arn.stem}parameter/{written}`: the name follows `parameter`, with one slash."
        return SecretReference(arn, written, (), "The ARN is not that of an SSM parameter.", fix)
    return SecretReference(arn, name, tuple(selector))
