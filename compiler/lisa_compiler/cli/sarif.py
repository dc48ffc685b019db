"""Diagnostics as a SARIF 2.1.0 log (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from lisa_schema.diagnostic_list import DIAGNOSTIC_TYPES
from lisa_schema.diagnostics import Diagnostic, Origin


def sarif_log(
    diagnostics: Sequence[Diagnostic],
    *,
    version: str,
    file_of: Callable[[Origin], str],
    message_of: Callable[[Diagnostic], str],
    meanings: Mapping[str, str],
) -> dict[str, Any]:
    """Build a log of one run, with the metadata of every rule that has a result.

    Args:
        diagnostics: the results.
        version: version of LISA.
        file_of: returns a diagnostic's file, relative to the repository.
        message_of: formats a diagnostic's message with key and fix.
        meanings: what codes mean that LISA's own catalogue does not have.
    """
    rules: dict[str, Diagnostic] = {}
    for diagnostic in diagnostics:
        rules.setdefault(diagnostic.code, diagnostic)
    codes = sorted(rules)
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "lisa",
                        "semanticVersion": version,
                        "rules": [_rule(rules[code], meanings) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(diagnostic, codes.index(diagnostic.code), file_of, message_of) for diagnostic in diagnostics
                ],
            }
        ],
    }


def _rule(diagnostic: Diagnostic, others: Mapping[str, str]) -> dict[str, Any]:
    words = diagnostic.rule.split("-")
    return {
        "id": diagnostic.code,
        "name": "".join(word.capitalize() for word in words),
        "shortDescription": {"text": _meaning(diagnostic, others)},
        "defaultConfiguration": {"level": diagnostic.severity.value},
        "properties": {"tags": ["configuration", "lisa"]},
    }


def _meaning(diagnostic: Diagnostic, others: Mapping[str, str]) -> str:
    """Say what a rule is about in general; a diagnostic's own message speaks of one place."""
    from lisa_schema.rules import registered_rules  # noqa: PLC0415  # 150 ms (pydantic) that other formats do not need

    own = {kind.code: kind.meaning for kind in DIAGNOSTIC_TYPES} | {
        rule.code: rule.meaning for rule in registered_rules()
    }
    meanings = {**others, **own}
    return meanings.get(diagnostic.code, " ".join(diagnostic.rule.split("-")).capitalize() + ".")


def _result(
    diagnostic: Diagnostic,
    index: int,
    file_of: Callable[[Origin], str],
    message_of: Callable[[Diagnostic], str],
) -> dict[str, Any]:
    identity = f"{diagnostic.code}\0{diagnostic.key_path}\0{diagnostic.message}"
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": diagnostic.severity.value,
        "message": {"text": message_of(diagnostic)},
        "partialFingerprints": {"lisa/v1": hashlib.sha256(identity.encode(errors="replace")).hexdigest()},
    }
    location: dict[str, Any] = {}
    origin = diagnostic.origin
    if origin is not None and not origin.file.startswith("-"):
        physical: dict[str, Any] = {"artifactLocation": {"uri": quote(file_of(origin))}}
        if origin.line:
            physical["region"] = {"startLine": origin.line} | ({"startColumn": origin.column} if origin.column else {})
        location["physicalLocation"] = physical
    if diagnostic.key_path:
        location["logicalLocations"] = [{"fullyQualifiedName": diagnostic.key_path, "kind": "property"}]
    if location:
        result["locations"] = [location]
    return result
