"""Whatever is written in the files: a Config or a ConfigurationError that says why, never another exception."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lisa_compiler.project.load import load
from lisa_schema import ConfigurationError
from lisa_schema.document import Document
from lisa_schema.field_values import read_fields
from lisa_schema.legacy_syntax import name_built_in_contexts
from lisa_schema.overlay import Override, parse_override
from lisa_schema.schema_errors import structural_errors
from lisa_schema.validate import validate

GOOD = Path(__file__).parent / "configs" / "good"
TEXTS = [(GOOD / f"{name}.yaml").read_text(encoding="utf-8") for name in ("lisa_2x_example", "litellm", "airgap")]
TREES = [yaml.load(text, Loader=yaml.BaseLoader) for text in TEXTS]
TRICKS = (
    "&a *a",
    "<<: *b",
    "<<: {a: b}",
    "? [a]: b",
    "!!python/object/apply:os.system ['true']",
    "!!binary aGVsbG8=",
    "!!set {a, b}",
    "!<tag:yaml.org,2002:int> x",
    "010",
    "0o17",
    "1_000",
    "1:30",
    ".inf",
    "-.nan",
    "1e999",
    "9" * 400,
    "on",
    "~",
    "null",
    "''",
    '"\\ud800"',
    '"\\0"',
    '"\\x1b"',
    "\t",
    "\x07",
    "---",
    "...",
    "%YAML 1.1",
    "- - - -",
    "{" * 60,
    "[" * 3000,
    "&x [*x]",
    "\u2028",
    "\ufeff",
    "\N{GRINNING FACE}\N{GREEK SMALL LETTER OMEGA}",
    "a" * 70_000,
    "|",
    ">-",
    "@",
    "`",
    "=",
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "x" * 5000, "0777", "arn:aws:iam::1:x", "us-iso-east-1", "p5.48xlarge", "vpc-12345678"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
QUICK = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(project: Path, content: bytes, overrides: tuple[Override, ...] = ()) -> None:
    (project / "config.yaml").write_bytes(content)
    outcome = compiled(project, overrides)
    if isinstance(outcome, ConfigurationError):
        assert any(found.is_error for found in outcome.diagnostics)
        assert all(found.message and found.origin is not None for found in outcome.diagnostics)
    else:
        # What the models accept, the schema accepts: it is asked only when they refuse.
        document = name_built_in_contexts(outcome)
        assert structural_errors(document, read_fields(document)) == {}


def compiled(project: Path, overrides: tuple[Override, ...]) -> Document | ConfigurationError:
    try:
        document = load(project, None, overrides).document
        validate(document)
    except ConfigurationError as error:
        return error
    return document


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, item in steps for place in places(item, (*path, step)))]


PLACES = [places(tree["dev"])[1:] for tree in TREES]


@QUICK
@given(data=st.data())
def test_mutated_values(tmp_path: Path, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(TREES) - 1))
    tree = copy.deepcopy(TREES[index])
    for _ in range(data.draw(st.integers(1, 3))):
        parent = tree["dev"]
        place = data.draw(st.sampled_from(PLACES[index]))
        try:
            for step in place[:-1]:
                parent = parent[step]
            action = data.draw(st.sampled_from(["replace", "remove", "rename"]))
            if action == "replace":
                parent[place[-1]] = data.draw(VALUES)
            elif action == "remove":
                del parent[place[-1]]
            else:
                parent[data.draw(st.text(max_size=10))] = parent.pop(place[-1])
        except (KeyError, IndexError, TypeError, AttributeError):
            continue
    check(tmp_path, yaml.safe_dump(tree, allow_unicode=data.draw(st.booleans())).encode("utf-8", "surrogatepass"))


@QUICK
@given(data=st.data())
def test_tricks_in_the_text(tmp_path: Path, data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        trick = data.draw(st.sampled_from(TRICKS))
        key, colon, _ = lines[number].partition(":")
        whole = data.draw(st.booleans())
        lines[number] = f"{' ' * data.draw(st.integers(0, 6))}{trick}" if whole or not colon else f"{key}: {trick}"
    check(tmp_path, "\n".join(lines).encode("utf-8"))


@QUICK
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    check(tmp_path, content)


@QUICK
@given(
    path=st.sampled_from(["region", "ecsModels", "ecsModels[0]", "ecsModels[x].deploy", "tags[0].Key", "a..b", "[", ""])
    | st.text(max_size=20),
    value=st.sampled_from(TRICKS) | st.text(max_size=20),
)
def test_any_option(tmp_path: Path, path: str, value: str) -> None:
    try:
        override = parse_override(f"{path}={value}")
    except ConfigurationError:
        return
    check(tmp_path, TEXTS[0].encode(), (override,))


@pytest.mark.parametrize("trick", TRICKS)
def test_each_trick_as_a_value(tmp_path: Path, trick: str) -> None:
    check(tmp_path, f"env: dev\ndev:\n  region: {trick}\n".encode())
