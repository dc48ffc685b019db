"""The pages of docs/ that are made from the code: the configuration reference and the table of diagnostics.

`python -m lisa_schema.reference` writes them; a test finds them stale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lisa_schema.diagnostic_types import DIAGNOSTIC_TYPES
from lisa_schema.export import Schema, effective_schema
from lisa_schema.owned_variables import OWNED
from lisa_schema.rules import registered_rules
from lisa_schema.settable_variables import GATEWAY, SETTABLE

_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Deployment": (
        "deploymentName",
        "deploymentStage",
        "appName",
        "accountNumber",
        "region",
        "profile",
        "removalPolicy",
        "deploymentPrefix",
        "tags",
        "stackSynthesizer",
        "permissionsBoundaryAspect",
        "runCdkNag",
        "logLevel",
        "alarmTopicArn",
    ),
    "What is deployed": ("deployRag", "deployChat", "deployUi", "systemBanner", "webAppAssetsPath"),
    "Sign-in": ("authConfig",),
    "Network": ("vpcId", "vpc", "availabilityZones", "natGateways", "apiGatewayConfig"),
    "AMIs": ("amiConfig",),
    "REST API": ("restApiConfig",),
    "Hosted models": ("ecsModels", "s3BucketModels", "mountS3DebUrl", "nvmeHostMountPath", "nvmeContainerMountPath"),
    "Other models": ("litellmConfig",),
    "Documents": ("ragRepositories", "ragFileProcessingConfig"),
    "Builds": (
        "accountNumbersEcr",
        "lambdaConfig",
        "lambdaSourcePath",
        "lambdaLayerAssets",
        "pypiConfig",
        "condaUrl",
        "certificateAuthorityBundle",
    ),
}
"""The top-level fields in the order of the reference."""

_HEADER: Final = "<!-- Made by `python -m lisa_schema.reference`; do not edit. -->"

_REFERENCE_INTRODUCTION: Final = """\
# Configuration reference

`config.yaml` holds `env`, the name of the default environment, one block for each environment, and, when there is
something that all of them share, `base`. A file `environments/<env>.yaml` holds an overlay with the same fields.

Later layers win: `base`, the environment's block, its overlay, options such as `--region` and `--set path=value`.
Mappings merge deeply. `ecsModels` merge by `modelId` (else `modelName`), `ragRepositories` by `repositoryId` and
`litellmConfig.model_list` by `model_name`; every other list replaces the one below. An explicit `null` takes the
default back, and a blank value of an optional field is its default. An image of another `type` replaces the one below.

A field of text takes what is written: `accountNumber: 012345678901` is those twelve digits, with or without quotes.
Fields without a default are required, wherever their block is present.
"""

_VARIABLES_INTRODUCTION: Final = """\
## Variables of containers

`containerConfig.environment` and `litellmConfig.environment_variables` must not set these variables (LISA318). A `*` is
any ending. The gateway's names are compared case-insensitively. Every other variable may be set.

| Container | Variable | Controls | Fix |
|---|---|---|---|"""

_DIAGNOSTICS_INTRODUCTION: Final = """\
# Diagnostics

Each diagnostic has a code that stays the same. An error fails the compile, a warning does not. Codes that begin with
LISA1 are about reading the files, LISA2 about their structure, LISA3 about what must hold between fields, LISA4 about
artifacts and output.

| Code | Rule | Severity | Meaning | Fix |
|---|---|---|---|---|
"""


def configuration_reference() -> str:
    """Return docs/reference.md: every field with its type, default and description, by group."""
    schema = effective_schema()
    definitions: Schema = schema["$defs"]
    lines = [_HEADER, "", _REFERENCE_INTRODUCTION]
    named: list[str] = []
    for group, fields in _GROUPS.items():
        lines += [f"## {group}", "", *_table(fields, schema, definitions), ""]
        for field in fields:
            for name in _blocks(schema["properties"][field], definitions):
                if name not in named:
                    named.append(name)
                    lines += _block(name, definitions)
    lines += [_VARIABLES_INTRODUCTION, *_owned_variables(), "", *_settable_variables()]
    return "\n".join(lines).rstrip() + "\n"


def diagnostics_reference() -> str:
    """Return docs/diagnostics.md: every code with its rule, severity, meaning and fix."""
    rows = [(kind.code, kind.rule, kind.severity.value, kind.meaning, kind.fix) for kind in DIAGNOSTIC_TYPES]
    rows += [(rule.code, rule.name, rule.severity.value, rule.meaning, rule.fix) for rule in registered_rules()]
    table = "".join(f"| {' | '.join(_cell(text) for text in row)} |\n" for row in sorted(rows))
    return f"{_HEADER}\n\n{_DIAGNOSTICS_INTRODUCTION}{table}"


def write_pages(folder: Path) -> None:
    """Write both pages into the folder docs/."""
    for name, make in PAGES.items():
        (folder / name).write_text(make(), encoding="utf-8", newline="\n")


PAGES: Final = {"reference.md": configuration_reference, "diagnostics.md": diagnostics_reference}
"""The pages, by their name in docs/."""


def ungrouped_fields() -> frozenset[str]:
    """Return the top-level fields that no group of the reference has; there are none (tested)."""
    return frozenset(effective_schema()["properties"]) - {field for fields in _GROUPS.values() for field in fields}


def _owned_variables() -> Iterator[str]:
    """One row for the variables that share container, effect and fix."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for one in OWNED:
        containers = _containers(one.containers)
        accepted = [f"`{value}`" for value in one.accepts] + ["the ARN of a secret"] * one.accepts_secret
        fix = f"{one.fix} Accepted: {', '.join(accepted)}." if accepted else one.fix
        rows.setdefault((containers, one.controls, fix), []).append(f"`{one.name}`")
    for (containers, controls, fix), names in sorted(rows.items()):
        yield f"| {containers} | {', '.join(names)} | {_cell(controls)} | {_cell(fix)} |"


def _containers(containers: tuple[str, ...]) -> str:
    if set(containers) == set(SETTABLE):
        return "all"
    if set(containers) == set(SETTABLE) - {GATEWAY}:
        return "models"
    return ", ".join("REST API" if name == GATEWAY else name for name in containers)


def _settable_variables() -> Iterator[str]:
    yield "LISA's own images read these variables in addition to those of their servers:"
    yield ""
    yield "| Container | Variable | Meaning; default |"
    yield "|---|---|---|"
    rows: dict[tuple[str, str], tuple[str, ...]] = {}
    for container, variables in SETTABLE.items():
        for row in variables.items():
            rows[row] = (*rows.get(row, ()), container)
    for (variable, meaning), containers in rows.items():
        yield f"| {_containers(containers)} | `{variable}` | {_cell(meaning)} |"


def _block(name: str, definitions: Schema) -> list[str]:
    definition = definitions[name]
    lines = [f"### {name}", "", str(definition.get("description", "")), ""]
    lines += [*_table(tuple(definition["properties"]), definition, definitions), ""]
    if definition.get("additionalProperties") is True:
        lines += ["Any other key passes through to LiteLLM unchanged.", ""]
    return lines


def _table(fields: tuple[str, ...], block: Schema, definitions: Schema) -> list[str]:
    rows = ["| Field | Type | Default | Description |", "|---|---|---|---|"]
    for name in fields:
        part = block["properties"][name]
        default = "required" if name in block.get("required", ()) else _default(part)
        told = str(part.get("description") or _definition(part, definitions).get("description", ""))
        if "patternErrorMessage" in part:
            told += f" Must be {part['patternErrorMessage']}."
        if part.get("examples"):
            told += f" Example: {', '.join(f'`{_literal(example)}`' for example in part['examples'])}."
        rows.append(f"| `{name}` | {_cell(_type(part, definitions))} | {_cell(default)} | {_cell(told)} |")
    return rows


def _default(part: Schema) -> str:
    return f"`{_literal(part['default'])}`" if part.get("default") not in (None, "", [], {}) else ""


def _literal(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _definition(part: Schema, definitions: Schema) -> Schema:
    name = part.get("$ref", "").rpartition("/")[2]
    return definitions[name] if name else {}


def _type(part: Schema, definitions: Schema) -> str:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        choices = definitions[name].get("enum")
        return " or ".join(f"`{choice}`" for choice in choices) if choices else f"[{name}](#{name.lower()})"
    if "oneOf" in part:
        return " or ".join(_type(branch, definitions) for branch in part["oneOf"])
    if "const" in part:
        return f"`{part['const']}`"
    if part.get("type") == "array":
        return f"list of {_type(part.get('items', {}), definitions)}"
    if part.get("type") == "object":
        return "mapping"
    return f"{part.get('type', 'any')}{_limits(part)}"


def _limits(part: Schema) -> str:
    low, high = part.get("minimum"), part.get("maximum")
    if "exclusiveMinimum" in part:
        return f", more than {part['exclusiveMinimum']}"
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", {low} or more" if low is not None else ""


def _blocks(part: Schema, definitions: Schema) -> Iterator[str]:
    """Name the blocks that a field leads to, each before those inside it."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        if "properties" in definitions[name]:
            yield name
            for inner in definitions[name]["properties"].values():
                yield from _blocks(inner, definitions)
    for branch in part.get("oneOf", ()):
        yield from _blocks(branch, definitions)
    if isinstance(part.get("items"), Mapping):
        yield from _blocks(part["items"], definitions)


def _cell(text: str) -> str:
    # Outside of code, Markdown would take `<env>` for HTML.
    parts = text.replace("|", "\\|").replace("\n", " ").split("`")
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


if __name__ == "__main__":
    write_pages(Path(__file__).parents[2] / "docs")
