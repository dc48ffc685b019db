"""policy/waivers.yaml: findings that an owner accepts until a day.

    waivers:
      - rule: LISA-P09
        resource: serve/LoadBalancerListener*
        reason: The load balancer of the proof of concept has no certificate yet.
        owner: platform@example.com
        expiry: 2027-03-31
        environments: [dev]

`resource` is what a finding names, `*` and `?` standing for any text; `rule` is the finding's own. A waiver holds to
the end of its last day. Days belong to checking and not to compiling, so that a waiver never changes what is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from lisa_compiler.policy.finding import PolicyFinding
from lisa_schema import artifact_diagnostics, diagnostic_types
from lisa_schema.diagnostics import Diagnostic, Origin
from lisa_schema.document import MappingNode, Node, ScalarNode, SequenceNode, key_path
from lisa_schema.errors import ConfigurationError
from lisa_schema.yaml_reader import read_yaml

WAIVERS_FILE: Final = "policy/waivers.yaml"
_TEXTS: Final = ("rule", "resource", "reason", "owner")
_KEYS: Final = (*_TEXTS, "expiry", "environments")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One waiver.

    Attributes:
        rule: id of the rule.
        resource: `<component>/<resource>`, in which `*` and `?` stand for any text.
        reason: why the finding is accepted.
        owner: who is responsible for that.
        expiry: last day on which it holds.
        environments: the environments that it holds in; empty for all.
        origin: where it begins.
        expiry_origin: where its date was written.
        path: where it is in the file, as `waivers[0]`.
    """

    rule: str
    resource: str
    reason: str
    owner: str
    expiry: date
    environments: tuple[str, ...]
    origin: Origin
    expiry_origin: Origin
    path: str

    def matches(self, finding: PolicyFinding) -> bool:
        """Return whether the waiver is for this finding, whatever the day."""
        return (
            finding.rule == self.rule
            and (not self.environments or finding.environment in self.environments)
            and fnmatchcase(finding.resource_path, self.resource)
        )


@dataclass(frozen=True, slots=True)
class WaiverResult:
    """The result of applying waivers.

    Attributes:
        findings: those that no waiver matches.
        waived: those that are waived, each with its waiver.
        diagnostics: what is wrong with the waivers: expired, unused.
    """

    findings: tuple[PolicyFinding, ...]
    waived: tuple[tuple[PolicyFinding, Waiver], ...]
    diagnostics: tuple[Diagnostic, ...]


def apply_waivers(
    findings: Iterable[PolicyFinding], waivers: Sequence[Waiver], today: date, *, checked: Iterable[str], complete: bool
) -> WaiverResult:
    """Remove the findings that a waiver matches.

    Args:
        findings: of every environment that was checked.
        waivers: all there are.
        today: a waiver whose `expiry` is before it matches no finding.
        checked: names of those environments.
        complete: whether every environment and every tool was asked, so that a waiver without a finding is unused.
    """
    left: list[PolicyFinding] = []
    waived: list[tuple[PolicyFinding, Waiver]] = []
    used: set[str] = set()
    for finding in findings:
        matching = [waiver for waiver in waivers if waiver.matches(finding)]
        used.update(waiver.path for waiver in matching)
        valid = next((waiver for waiver in matching if waiver.expiry >= today), None)
        if valid is None:
            left.append(finding)
        else:
            waived.append((finding, valid))
    concerned = [waiver for waiver in waivers if not waiver.environments or {*waiver.environments} & {*checked}]
    diagnostics = [_expired(waiver, today) for waiver in concerned if waiver.expiry < today]
    if complete:
        unused = [waiver for waiver in waivers if waiver.path not in used and waiver.expiry >= today]
        diagnostics += [_unused(waiver) for waiver in unused]
    return WaiverResult(tuple(left), tuple(waived), tuple(diagnostics))


def _expired(waiver: Waiver, today: date) -> Diagnostic:
    days = (today - waiver.expiry).days
    ago = "yesterday" if days == 1 else f"{days} days ago"
    message = f"The waiver for {waiver.rule} on {waiver.resource} expired {ago} (owner: {waiver.owner})."
    return artifact_diagnostics.WAIVER_EXPIRED.at(waiver.expiry_origin, message, key_path=f"{waiver.path}.expiry")


def _unused(waiver: Waiver) -> Diagnostic:
    message = f"The waiver for {waiver.rule} on {waiver.resource} matches no finding."
    return artifact_diagnostics.WAIVER_UNUSED.at(waiver.origin, message, key_path=waiver.path)


def read_waivers(project: Path) -> tuple[Waiver, ...]:
    """Read policy/waivers.yaml of a project; without the file there are none.

    Raises:
        ConfigurationError: it cannot be read, or is not what the docstring of this module shows; every mistake at once.
    """
    try:
        text = (project / WAIVERS_FILE).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            [diagnostic_types.FILE_UNREADABLE.at(Origin(WAIVERS_FILE), "The file cannot be read as UTF-8 text.")]
        ) from error
    root, errors = read_yaml(text, WAIVERS_FILE)
    reader = _Reader(list(errors))
    waivers = reader.file(root)
    if reader.errors:
        raise ConfigurationError(reader.errors)
    return waivers


class _Reader:
    """Reads the tree, and collects what is wrong with it."""

    def __init__(self, errors: list[Diagnostic]) -> None:
        self.errors = errors

    def file(self, root: Node | None) -> tuple[Waiver, ...]:
        if root is None:
            return ()
        if not isinstance(root, MappingNode):
            self._wrong(
                diagnostic_types.YAML_ROOT, root.origin, "", f"{WAIVERS_FILE} is not a mapping.", "Write `waivers:`."
            )
            return ()
        for key, entry in root.entries.items():
            if key != "waivers":
                message = f"`{key}` is not a key at the top of {WAIVERS_FILE}."
                self._wrong(diagnostic_types.UNKNOWN_KEY, entry.key_origin, key, message, "Write `waivers`.")
        listed = root.get("waivers")
        if listed is None or (isinstance(listed, ScalarNode) and listed.is_null):
            return ()
        if not isinstance(listed, SequenceNode):
            message = "`waivers` must be a list."
            self._wrong(
                diagnostic_types.INVALID_TYPE, listed.origin, "waivers", message, "Begin each waiver with `- `."
            )
            return ()
        found = [self._waiver(node, key_path(("waivers", index))) for index, node in enumerate(listed.items)]
        return tuple(waiver for waiver in found if waiver is not None)

    def _waiver(self, node: Node, path: str) -> Waiver | None:
        if not isinstance(node, MappingNode):
            fix = f"Write {', '.join(_KEYS[:-1])}, each as `key: value`."
            self._wrong(diagnostic_types.INVALID_TYPE, node.origin, path, f"`{path}` must be a mapping.", fix)
            return None
        for key, entry in node.entries.items():
            if key not in _KEYS:
                message = f"`{key}` is not a key of a waiver."
                self._wrong(
                    diagnostic_types.UNKNOWN_KEY, entry.key_origin, f"{path}.{key}", message, f"Use {', '.join(_KEYS)}."
                )
        texts = {key: self._text(node, key, path) for key in _TEXTS}
        expiry = self._date(node, path)
        environments = self._environments(node.get("environments"), f"{path}.environments")
        if expiry is None or not all(texts.values()):
            return None
        return Waiver(
            rule=texts["rule"],
            resource=texts["resource"],
            reason=texts["reason"],
            owner=texts["owner"],
            expiry=expiry,
            environments=environments,
            origin=node.origin,
            expiry_origin=node.entries["expiry"].node.origin,
            path=path,
        )

    def _text(self, waiver: MappingNode, key: str, path: str) -> str:
        node = waiver.get(key)
        if node is None:
            fix = f"Add `{key}`."
            self._wrong(
                diagnostic_types.REQUIRED_MISSING, waiver.origin, f"{path}.{key}", f"`{path}.{key}` is missing.", fix
            )
        elif not isinstance(node, ScalarNode):
            self._wrong(
                diagnostic_types.INVALID_TYPE, node.origin, f"{path}.{key}", f"`{path}.{key}` must be a string.", None
            )
        elif node.is_null or not node.text.strip():
            message = f"`{path}.{key}` is blank, but it is required."
            self._wrong(diagnostic_types.REQUIRED_BLANK, node.origin, f"{path}.{key}", message, None)
        else:
            return node.text.strip()
        return ""

    def _date(self, waiver: MappingNode, path: str) -> date | None:
        text = self._text(waiver, "expiry", path)
        if not text:
            return None
        try:
            if _DATE.match(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        message = f"`{path}.expiry` must be a date such as 2027-03-31, but is `{text[:60]}`."
        fix = "Write year, month and day, with hyphens."
        origin = waiver.entries["expiry"].node.origin
        self._wrong(diagnostic_types.INVALID_FORMAT, origin, f"{path}.expiry", message, fix)
        return None

    def _environments(self, node: Node | None, path: str) -> tuple[str, ...]:
        if node is None or (isinstance(node, ScalarNode) and node.is_null):
            return ()
        items = node.items if isinstance(node, SequenceNode) else ()
        names = tuple(item.text for item in items if isinstance(item, ScalarNode))
        if not names or len(names) != len(items):
            message = f"`{path}` must be a list of environments."
            self._wrong(
                diagnostic_types.INVALID_TYPE, node.origin, path, message, "Write `[dev]`, or remove it for all."
            )
        return names

    def _wrong(
        self, kind: diagnostic_types.DiagnosticType, origin: Origin, path: str, message: str, fix: str | None
    ) -> None:
        self.errors.append(kind.at(origin, message, key_path=path, fix=fix))
