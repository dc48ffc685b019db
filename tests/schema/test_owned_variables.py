"""The tables of owned and settable variables name everything that containers set or read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lisa_schema.models.enums import InferenceContainer
from lisa_schema.owned_variables import OWNED
from lisa_schema.settable_variables import EVERYWHERE, GATEWAY, MODELS, SETTABLE
from lisa_schema.variable_ownership import canonical, is_declared, owned_variable

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates/containers"
SHARED = ("fetch-weights.sh", *(path.name for path in TEMPLATES.glob("_*.j2")))
OF_SHELL = {"BASH_REMATCH", "BASH_SOURCE", "IFS"}
OF_BUILDS = {"BASE_IMAGE", "TOOLS_IMAGE", "CONDA_URL", "MOUNTS3_DEB_URL"}
"""Arguments of `docker build`, which a container's environment does not reach."""


def shell_variables(text: str) -> set[str]:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    read = re.findall(r"\$\{?!?([A-Z][A-Z0-9_]*)", code)
    listed = [name for names in re.findall(r"for name in ([A-Z0-9_ ]+);", code) for name in names.split()]
    return {*read, *listed, *re.findall(r"^\s*(?:export )?([A-Z][A-Z0-9_]*)=", code, re.MULTILINE)} - OF_SHELL


def image_variables(text: str) -> set[str]:
    blocks = re.findall(r"^ENV ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    return {name for block in blocks for name in re.findall(r"([A-Z][A-Z0-9_]*)=", block)}


def instructor_variables() -> set[str]:
    text = (ROOT / "runtime/instructor/lisa_instructor/settings.py").read_text(encoding="utf-8")
    return set(re.findall(r"environment(?:\.get\(|\[)\"([A-Z_]+)\"", text))


def gateway_settings() -> Iterator[str]:
    """Every name that the gateway's settings have in the environment, from the source."""
    modules = (ROOT / "runtime/gateway/lisa_gateway" / path for path in ("settings.py", "supervisor/settings.py"))
    trees = [ast.parse(module.read_text(encoding="utf-8")) for module in modules]
    settings = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    assert [one.name for one in settings] == ["Settings", "SupervisorSettings"]
    for field in (field for one in settings for field in one.body):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        aliases = [
            constant.value
            for call in ast.walk(field)
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "AliasChoices"
            for constant in call.args
            if isinstance(constant, ast.Constant)
        ]
        yield from (str(name).upper() for name in aliases or [field.target.id])


def undeclared(container: str, names: set[str]) -> set[str]:
    return {name for name in names if not is_declared(container, name) and owned_variable(container, name) is None}


def test_the_gateways_settings_are_all_classified() -> None:
    names = set(gateway_settings())
    assert {"USE_AUTH", "LITELLM_ADMIN_KEY", "MAX_BODY_BYTES"} <= names
    assert undeclared(GATEWAY, names) == set(), "add them to OWNED or SETTABLE in lisa_schema.owned_variables"


def image_names(container: str) -> set[str]:
    """Every variable that a container's image sets or reads by its own files."""
    folder = TEMPLATES / container
    included = " ".join(path.read_text(encoding="utf-8") for path in folder.glob("*.j2"))
    parts = [] if container == GATEWAY else [TEMPLATES / name for name in SHARED]
    shared = [path for path in parts if not path.name.startswith("_") or f"containers/{path.name}" in included]
    names: set[str] = set(gateway_settings()) if container == GATEWAY else set()
    for path in (*folder.iterdir(), *shared):
        text = path.read_text(encoding="utf-8")
        names |= shell_variables(text) if ".sh" in path.name else set()
        names |= image_variables(text) if "ockerfile" in path.name else set()
    return (names | (instructor_variables() if container == "instructor" else set())) - OF_BUILDS


@pytest.mark.parametrize("container", EVERYWHERE)
def test_what_an_image_sets_or_reads_is_classified(container: str) -> None:
    names = image_names(container)
    assert "AWS_REGION" in names
    assert undeclared(container, names) == set()


@pytest.mark.parametrize("container", EVERYWHERE)
def test_what_is_settable_is_read(container: str) -> None:
    of_libraries = ("AWS_", "HOME", "LITELLM_", "PYTHON", "SGLANG_", "VLLM_")
    listed = {name for name in SETTABLE[container] if not name.startswith(of_libraries)}
    assert listed - image_names(container) == set()


@pytest.mark.parametrize("container", MODELS)
def test_a_models_names_are_those_of_its_own_process(container: str) -> None:
    assert canonical(container, "model_name") == "model_name"
    assert owned_variable(container, "model_name") is None
    assert owned_variable(container, "MODEL_NAME") is not None
    assert owned_variable(container, "USE_AUTH") is None


@pytest.mark.parametrize("name", ["USE_AUTH", "use_auth", "Use_Auth", "aws_endpoint_url_s3", "Litellm_Anything"])
def test_the_gateways_names_are_owned_in_any_case(name: str) -> None:
    assert owned_variable(GATEWAY, name) is not None


def test_no_variable_is_owned_and_settable() -> None:
    both = [(one.name, container) for one in OWNED for container in one.containers if one.name in SETTABLE[container]]
    assert both == []


def test_no_variable_is_owned_twice() -> None:
    seen = [(one.name, container) for one in OWNED for container in one.containers]
    assert len(seen) == len(set(seen))


def test_texts_are_sentences_of_their_messages() -> None:
    for one in OWNED:
        assert one.fix.endswith(".")
        assert one.fix.split()[0].rstrip(",:.") in {"Remove", "Set", "Write", "Raise"}
        assert not one.controls.endswith(".")


def test_the_page_names_variables_that_are_owned() -> None:
    page = (ROOT / "docs/configure.md").read_text(encoding="utf-8")
    table = page.partition("| Variable | Key |\n")[2].partition("\n\n")[0]
    names = [name for row in table.splitlines()[1:] for name in re.findall(r"`([A-Z_0-9]+)`", row.split("|")[1])]
    assert len(names) > 20
    assert [name for name in names if not any(owned_variable(container, name) for container in EVERYWHERE)] == []


def test_every_inference_container_has_its_variables() -> None:
    assert tuple(map(str, InferenceContainer)) == MODELS
    assert set(SETTABLE) == set(EVERYWHERE)
