"""Structural errors: what the effective schema says against a configuration, each told in a sentence of our own.

jsonschema finds them; a union's errors are those of the branch that the value means, and what only follows from another
error (a required key that is there under a misspelt name) is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from lisa_schema import diagnostic_types
from lisa_schema.diagnostics import Diagnostic
from lisa_schema.document import Document, Path, ScalarNode, key_path
from lisa_schema.effective import Schema, branch, constant, effective, key_places, resolved
from lisa_schema.field_values import FieldValues
from lisa_schema.image_reference import IMAGE_PATTERN, image_fault, outer_space
from lisa_schema.intended_keys import block_of, fold, home_block, intended_key, meant_key, nearest_choice
from lisa_schema.unexpanded import unexpanded_fix
from lisa_schema.visible_text import visible

_TYPE_WORDS: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_BOOLEAN_WORDS: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def structural_errors(document: Document, reading: FieldValues) -> dict[Path, list[Diagnostic]]:
    """Find what the schema says against a configuration, by the path that it concerns.

    The path of a key that is there under a misspelt name has no diagnostic of its own, but is not sound either.
    """
    found: dict[Path, list[Diagnostic]] = {}
    for error in _validator().iter_errors(reading.data):
        path = tuple(error.absolute_path)
        for at, diagnostic in _MESSAGES.get(error.validator, _other)(_Violation(error, path, document, reading)):
            same = found.setdefault(at, [])
            if diagnostic is not None and diagnostic not in same:
                same.append(diagnostic)
    return found


class _Violation:
    """One error of jsonschema, with what a sentence about it needs."""

    def __init__(self, error: Any, path: Path, document: Document, reading: FieldValues) -> None:
        self.limit: Any = error.validator_value
        self.value: Any = error.instance
        self.schema: Schema = error.schema
        self.path = path
        self.document = document
        self.reading = reading

    @property
    def name(self) -> str:
        """The key path, or words for the root."""
        return f"`{key_path(self.path)}`" if self.path else "The configuration"

    def at_value(
        self, kind: diagnostic_types.DiagnosticType, message: str, fix: str | None = None
    ) -> tuple[Path, Diagnostic]:
        """Make a diagnostic about the value."""
        origin = self.document.origin(self.path)
        return self.path, kind.at(origin, message, key_path=key_path(self.path), fix=fix)

    def at_key(
        self, kind: diagnostic_types.DiagnosticType, key: str, message: str, fix: str | None = None
    ) -> tuple[Path, Diagnostic]:
        """Make a diagnostic about a key in the value, whether it is there or not."""
        path = (*self.path, key)
        return path, kind.at(self.document.key_origin(path), message, key_path=key_path(path), fix=fix)


_Sentences = Iterator[tuple[Path, Diagnostic | None]]


@cache
def _validator() -> Any:
    def chosen_branch(validator: Any, branches: Sequence[Schema], instance: Any, schema: Schema) -> Iterator[Any]:
        said = instance.get("type") if isinstance(instance, Mapping) else None
        constants = [constant(resolved(part)) for part in branches]
        if said is not None and all(constants) and said not in constants:
            yield from validator.descend(said, {"enum": constants}, path="type")
        else:
            yield from validator.descend(instance, branch(schema, instance))

    make: Any = extend
    return make(Draft202012Validator, {"oneOf": chosen_branch})(effective())


def _required(violation: _Violation) -> _Sentences:
    here = violation.value
    unknown = _unknown_keys(violation)
    mistaken = {meant_key(key, violation.path) or intended_key(key, violation.schema) for key in unknown}
    for key in violation.limit:
        if key in here or key in mistaken:
            continue
        part = violation.schema["properties"][key]
        told = _uncapitalised(str(part.get("description") or resolved(part).get("description", "")).rstrip("."))
        example = _example(part)
        such = f", such as `{key}: {example}`" if example else ""
        path = key_path((*violation.path, key))
        if (*violation.path, key) in violation.reading.blank:
            fix = f"Set a value{such}: {told}."
            yield violation.at_key(diagnostic_types.REQUIRED_BLANK, key, f"`{path}` is required but has no value.", fix)
        else:
            fix = f"Add `{key}`{such}: {told}."
            yield violation.at_key(diagnostic_types.REQUIRED_MISSING, key, f"`{path}` is required but missing.", fix)


def _unknown(violation: _Violation) -> _Sentences:
    for key in _unknown_keys(violation):
        where = f"in `{key_path(violation.path)}`" if violation.path else "at the top level"
        if (kind := constant(violation.schema)) and block_of(violation.path) in key_places().get(key, ()):
            message = f"Unknown key `{visible(key)}` in an image of type {kind}."
            yield violation.at_key(diagnostic_types.UNKNOWN_KEY, key, message, "Remove it, or change the type.")
            continue
        meant = meant_key(key, violation.path) or intended_key(key, violation.schema)
        home = None if meant_key(key, violation.path) else home_block(key, violation.path)
        if meant and (home is None or fold(meant) == fold(key)):
            message = f"Unknown key `{visible(key)}` {where}. Did you mean `{meant}`?"
            yield violation.at_key(diagnostic_types.UNKNOWN_KEY, key, message, f"Write `{meant}`.")
            yield (*violation.path, meant), None
        elif home is not None:
            place = f"`{home}`" if home else "the top level"
            message = f"Misplaced key `{key}` {where}: it belongs in {place}."
            yield violation.at_key(diagnostic_types.MISPLACED_KEY, key, message, f"Move `{key}` into {place}.")
        else:
            known = ", ".join(sorted(violation.schema.get("properties", {})))
            fix = f"Remove it, or use one of {known}." if len(known) < 160 else None
            yield violation.at_key(diagnostic_types.UNKNOWN_KEY, key, f"Unknown key `{visible(key)}` {where}.", fix)


def _type(violation: _Violation) -> _Sentences:
    wanted = _TYPE_WORDS[violation.limit]
    written = _written(violation)
    fix = f"Write {wanted}."
    if violation.limit == "string" and isinstance(violation.value, Mapping | list):
        fix = "Write a string: enclose the text in single quotes."
        inner = violation.value.get("valueFrom") if isinstance(violation.value, Mapping) else None
        if isinstance(inner, str):
            fix = f"Write the ARN itself as the value: `{_short(inner)}`."
    node = violation.document.find(violation.path)
    is_plain = isinstance(node, ScalarNode) and node.plain
    if violation.limit == "boolean" and isinstance(violation.value, str):
        word = _BOOLEAN_WORDS.get(violation.value.lower(), violation.value.lower())
        if word in ("true", "false"):
            fix = f"Write {word}." if is_plain else f"Write {word}, without quotes."
    elif violation.limit in ("integer", "number") and isinstance(violation.value, str):
        number = violation.value.strip().replace("_", "").lstrip("0")
        if number.isdecimal() and number.isascii():
            fix = f"Write {number}{' (unambiguous in YAML)' if is_plain else ', without quotes'}."
    elif violation.limit == "array" and not isinstance(violation.value, Mapping):
        fix = "Write a list: each entry on a separate line that starts with `- `."
    elif violation.limit == "array" and isinstance(violation.value, Mapping):
        fix = _as_list(violation) or fix
    fix = unexpanded_fix(violation.value, violation.path) or fix
    message = f"{violation.name} must be {wanted}, but is {written}."
    yield violation.at_value(diagnostic_types.INVALID_TYPE, message, fix)


def _as_list(violation: _Violation) -> str | None:
    """How to write a mapping that must be a list of names and values, as `tags` is."""
    keys = resolved(violation.schema.get("items", {})).get("properties", {})
    name, value = next(iter(violation.value.items()), ("", ""))
    if set(keys) != {"Key", "Value"} or isinstance(value, Mapping | list):
        return None
    return f"Write a list of entries such as `- {{Key: {_short(str(name))}, Value: {_short(str(value))}}}`."


def _written(violation: _Violation) -> str:
    value = violation.value
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    node = violation.document.find(violation.path)
    text = node.text if isinstance(node, ScalarNode) else str(value)
    kind = "the string" if isinstance(value, str) else "the value" if isinstance(value, bool) else "the number"
    return f"{kind} `{_short(text)}`"


def _choice(violation: _Violation) -> _Sentences:
    choices = [str(choice) for choice in violation.limit]
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]
    if not isinstance(violation.value, str):
        yield violation.at_value(
            diagnostic_types.INVALID_CHOICE, f"{violation.name} must be {listed}.", f"Write {listed}."
        )
        return
    near = nearest_choice(violation.value, choices)
    fix = unexpanded_fix(violation.value, violation.path) or (f"Write `{near}`." if near else f"Write {listed}.")
    message = f"{violation.name} is `{_short(violation.value)}`, but must be {listed}."
    yield violation.at_value(diagnostic_types.INVALID_CHOICE, message, fix)


def _constant(violation: _Violation) -> _Sentences:
    violation.limit = [violation.limit]
    yield from _choice(violation)


def _pattern(violation: _Violation) -> _Sentences:
    words = violation.schema.get("patternErrorMessage", "of another form")
    value = str(violation.value)
    told = image_fault(value) if violation.limit == IMAGE_PATTERN else None
    example = next(iter(violation.schema.get("examples", ())), None)
    fix = f"Write something like `{example}`." if example else None
    message = f"{violation.name} is {_quoted(value)}, but must be {words}."
    if told is not None:
        message = f"{violation.name} is {_quoted(value)}, which {told[0]}; it must be {words}."
        fix = told[1]
    elif value.strip() != value:
        message = f"{violation.name} is {_quoted(value)}, which {outer_space(value)}; it must be {words}."
        if re.search(str(violation.limit), value.strip()):
            fix = f"Write `{value.strip()}`."
    yield violation.at_value(diagnostic_types.INVALID_FORMAT, message, unexpanded_fix(value, violation.path) or fix)


def _quoted(value: str) -> str:
    """Write a value so that a space at its end is seen, which Markdown and terminals drop from code spans."""
    return f"`{_short(value)}`" if value.strip() == value else json.dumps(value[:60], ensure_ascii=False)


def _range(words: str) -> Callable[[_Violation], _Sentences]:
    def tell(violation: _Violation) -> _Sentences:
        told = words.format(limit=f"{violation.limit:,}" if isinstance(violation.limit, int) else violation.limit)
        value = violation.value
        is_sized = isinstance(value, str | list | Mapping)
        counted = f"has {len(value):,}" if is_sized else f"is {value}"
        yield violation.at_value(diagnostic_types.OUT_OF_RANGE, f"{violation.name} {counted}, but must {told}.", "")

    return tell


def _other(violation: _Violation) -> _Sentences:
    yield violation.at_value(diagnostic_types.INVALID, f"{violation.name} is not valid.")


_MESSAGES: Final[Mapping[str, Callable[[_Violation], _Sentences]]] = {
    "required": _required,
    "additionalProperties": _unknown,
    "type": _type,
    "enum": _choice,
    "const": _constant,
    "pattern": _pattern,
    "minimum": _range("be {limit} or more"),
    "maximum": _range("be {limit} or less"),
    "exclusiveMinimum": _range("be more than {limit}"),
    "minLength": _range("have {limit} character(s) or more"),
    "maxLength": _range("have {limit} characters or fewer"),
    "minItems": _range("have {limit} entries or more"),
}


def _unknown_keys(violation: _Violation) -> list[str]:
    if not isinstance(violation.value, Mapping) or violation.schema.get("additionalProperties") is not False:
        return []
    return [key for key in violation.value if key not in violation.schema.get("properties", {})]


def _example(part: Schema) -> str:
    options = part.get("examples") or resolved(part).get("enum") or ()
    first = next(iter(options), part.get("const", ""))
    return str(first) if isinstance(first, str | int | float) else ""


def _uncapitalised(words: str) -> str:
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def _short(text: str) -> str:
    line = visible(text.replace("\n", " ")[:200])
    return line if len(line) <= 60 else f"{line[:57]}…"
