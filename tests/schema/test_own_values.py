"""The values of variables that LISA's own programs read, against those programs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lisa_schema.own_values import OWN_FORMS, own_value_fault
from lisa_schema.settable_variables import GATEWAY, MODELS, SETTABLE

ROOT = Path(__file__).parents[2]


def declared() -> Iterator[tuple[str, str]]:
    """Each number among the gateway's settings that can be set: its name and its form, from the source."""
    for module in ("settings.py", "supervisor/settings.py"):
        tree = ast.parse((ROOT / "runtime/gateway/lisa_gateway" / module).read_text(encoding="utf-8"))
        fields = (node for cls in tree.body if isinstance(cls, ast.ClassDef) for node in cls.body)
        for field in fields:
            if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                continue
            name, kind = field.target.id.upper(), getattr(field.annotation, "id", "")
            if name not in SETTABLE[GATEWAY] or kind not in ("int", "float"):
                continue
            words = {one.arg: ast.unparse(one.value) for one in getattr(field.value, "keywords", ())}
            limits = [
                f"{limit}={words[limit].replace('MIB', '1048576')}" for limit in ("ge", "gt", "le") if limit in words
            ]
            yield name, " ".join(["integer" if kind == "int" else "number", *limits])


def test_the_gateways_numbers_are_those_of_its_settings() -> None:
    found = dict(declared())
    assert len(found) > 30
    assert {name: form for name, form in OWN_FORMS[GATEWAY].items() if form != "level"} == found


def test_every_variable_can_be_set() -> None:
    for container in (GATEWAY, *MODELS):
        assert OWN_FORMS[container].keys() <= SETTABLE[container].keys()


def test_booleans_are_those_of_the_entrypoints() -> None:
    for container in ("vllm", "sglang"):
        text = (ROOT / "templates/containers" / container / "entrypoint.sh.j2").read_text(encoding="utf-8")
        assert re.search(r"case \$\{TRUST_REMOTE_CODE:-\} in\n\s+1 \| \[Tt\]rue \| TRUE\)", text)
    for value in ("1", "true", "True", "TRUE", "0", "false"):
        assert own_value_fault("vllm", "TRUST_REMOTE_CODE", value) is None
    assert own_value_fault("vllm", "TRUST_REMOTE_CODE", "yes") == ("true or false", "Write true.")


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("CONNECT_TIMEOUT", "5s", "Write 5."),
        ("ANSWER_TIMEOUT", "5m", "Write 300."),
        ("MAX_BODY_BYTES", "10m", "Write 10485760."),
        ("METRICS_PORT", "70000", None),
        ("HANG_TIMEOUT", "-1", None),
    ],
)
def test_faults_say_what_to_write(name: str, value: str, fix: str | None) -> None:
    found = own_value_fault(GATEWAY, name, value)
    assert found is not None
    assert found[1] == fix
