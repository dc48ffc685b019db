"""Validate: a document → Config, or everything that is wrong with it at once.

The models check a configuration first, since they are quick; what the schema says is asked only when they refuse it,
to tell why. Where the structure is broken, the rules still look at the parts that are sound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lisa_schema import diagnostic_types
from lisa_schema.diagnostics import Diagnostic, Origin
from lisa_schema.document import Document, Path, ScalarNode, key_path
from lisa_schema.errors import ConfigurationError
from lisa_schema.field_values import FieldValues, read_fields
from lisa_schema.legacy_syntax import name_built_in_contexts
from lisa_schema.models import Config
from lisa_schema.placeholders import with_placeholders
from lisa_schema.rules import Rule, RuleViolation, registered_rules


@dataclass(frozen=True, slots=True)
class Validated:
    """A configuration without errors.

    Attributes:
        config: the configuration, every default filled in.
        diagnostics: warnings.
    """

    config: Config
    diagnostics: tuple[Diagnostic, ...]


def validate(document: Document) -> Validated:
    """Check a merged configuration.

    Raises ConfigurationError with every error, those of reading the files included, and every warning.
    """
    document = name_built_in_contexts(document)
    reading = read_fields(document)
    broken: dict[Path, list[Diagnostic]] = {}
    try:
        config: Config | None = Config.model_validate(reading.data)
    except ValidationError as error:
        config, broken = _explain(error, document, reading)
    # A value that could not even be read has its diagnostic already.
    unread = {error.origin for error in document.errors}
    found = [found for path, same in broken.items() if document.origin(path) not in unread for found in same]
    if config is not None:
        found += check_rules(config, document, broken)
    found += document.errors
    if any(diagnostic.is_error for diagnostic in found):
        raise ConfigurationError(_in_order(found))
    if config is None:
        raise ConfigurationError([diagnostic_types.INVALID.at(document.root.origin, "The configuration is not valid.")])
    return Validated(config, tuple(_in_order(found)))


def check_rules(config: Config, document: Document, broken: Collection[Path] = ()) -> list[Diagnostic]:
    """Run every rule; what concerns a broken path, or follows from one, is left out."""
    return [
        _diagnostic(rule, violation, document)
        for rule in registered_rules()
        for violation in rule.check(config)
        if not any(_touch(path, other) for path in (violation.path, *violation.related_paths) for other in broken)
    ]


def _explain(
    error: ValidationError, document: Document, reading: FieldValues
) -> tuple[Config | None, dict[Path, list[Diagnostic]]]:
    # jsonschema takes 0.1 s to import, and seconds where rfc3987-syntax is installed: only errors need it.
    from lisa_schema.schema_errors import structural_errors

    broken = structural_errors(document, reading)
    if not broken:
        for detail in error.errors(include_url=False, include_context=False, include_input=False):
            path = _path_in(reading.data, detail["loc"])
            broken.setdefault(path, []).append(_refused(document, path, detail))
    try:
        return Config.model_validate(with_placeholders(reading.data, broken)), broken
    except ValidationError:
        return None, broken


def _refused(document: Document, path: Path, detail: ErrorDetails) -> Diagnostic:
    """Report what only the models reject; JSON Schema takes `2.0` for an integer."""
    origin, at, node = document.origin(path), key_path(path), document.find(path)
    if detail["type"] in ("int_type", "int_from_float") and isinstance(node, ScalarNode):
        message = f"`{at}` must be an integer, but is the number `{node.text}`."
        value = node.value
        fix = f"Write {int(value)}." if isinstance(value, float) and value.is_integer() else "Write an integer."
        return diagnostic_types.INVALID_TYPE.at(origin, message, key_path=at, fix=fix)
    message = f"`{at}` is not valid: {detail['msg'].removeprefix('Value error, ')}."
    return diagnostic_types.INVALID.at(origin, message, key_path=at)


def _path_in(data: object, location: Iterable[str | int]) -> Path:
    """Follow pydantic's location as far as the data goes; the names of union branches are no keys."""
    path: list[str | int] = []
    for step in location:
        if (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and step < len(data)
        ):
            data = data[step]  # type: ignore[index]
            path.append(step)
    return tuple(path)


def _touch(path: Path, other: Path) -> bool:
    shorter = min(len(path), len(other))
    return path[:shorter] == other[:shorter]


def _diagnostic(rule: Rule, violation: RuleViolation, document: Document) -> Diagnostic:
    fix = rule.fix if violation.fix is None else violation.fix
    return Diagnostic(
        code=rule.code,
        rule=rule.name,
        severity=rule.severity if violation.severity is None else violation.severity,
        message=violation.message,
        fix=fix.replace("{environment}", document.environment or "<env>"),
        key_path=key_path(violation.path),
        origin=document.origin(violation.path),
    )


def _in_order(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort as a reader meets them: options first, config.yaml before overlays, then by line."""

    def place(diagnostic: Diagnostic) -> tuple[bool, bool, Origin, str, str]:
        origin = diagnostic.origin or Origin("")
        return bool(origin.line), origin.file != "config.yaml", origin, diagnostic.code, diagnostic.key_path

    return sorted(found, key=place)
