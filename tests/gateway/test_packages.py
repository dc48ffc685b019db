"""The packages that LiteLLM's proxy runs with here are those of the image: all that it requires, and none to be bought.

tests/gateway/test_litellm.py starts and calls it in the same environment.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib

import pytest
from locks import read_lock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway.processes import LITELLM_PYTHON, ROOT

if not LITELLM_PYTHON.exists():
    pytest.skip("LiteLLM is not installed: `make gateway-parts`", allow_module_level=True)

PROGRAM = """
import importlib.metadata as metadata, importlib.util as util, json
print(json.dumps({
    "packages": {package.name: package.version for package in metadata.distributions()},
    "requires": metadata.requires("litellm"),
    "enterprise": [name for name in ("litellm_enterprise", "enterprise") if util.find_spec(name)],
}))
"""


@pytest.fixture(scope="module")
def installed() -> dict[str, object]:
    """What the environment of the gateway's tests holds."""
    result = subprocess.run([LITELLM_PYTHON, "-P", "-c", PROGRAM], capture_output=True, text=True, check=True)
    content: dict[str, object] = json.loads(result.stdout)
    return content


def locked(path: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pin in read_lock(ROOT / path):
        found.setdefault(pin.name, set()).add(pin.version)
    return found


def excluded() -> set[str]:
    text = (ROOT / "runtime/gateway/excluded.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^[a-z].*", text, re.MULTILINE))


def proxy_requirements(installed: dict[str, object]) -> dict[str, Requirement]:
    requires = installed["requires"]
    assert isinstance(requires, list)
    proxy = [Requirement(text) for text in requires if re.search(r"extra == ['\"]proxy['\"]", text)]
    return {canonicalize_name(requirement.name): requirement for requirement in proxy}


def test_environment_holds_what_the_image_installs_alone(installed: dict[str, object]) -> None:
    packages = installed["packages"]
    assert isinstance(packages, dict)
    pins = locked("runtime/gateway/requirements.txt") | locked("requirements/models.txt")
    tools = {"pip", "setuptools"}
    found = {canonicalize_name(name): version for name, version in packages.items()}
    assert {name: version for name, version in found.items() if version not in pins.get(name, ())}.keys() <= tools
    assert installed["enterprise"] == []


def test_lock_has_everything_that_the_proxy_requires_but_what_is_excluded(installed: dict[str, object]) -> None:
    assert proxy_requirements(installed).keys() - locked("runtime/gateway/requirements.txt").keys() == excluded()


def test_extra_dev_asks_for_what_the_proxy_requires(installed: dict[str, object]) -> None:
    """A new version of LiteLLM with another requirement fails here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    asked = {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, texts)}
    assert proxy_requirements(installed).keys() - asked.keys() == excluded()
    assert asked["litellm"].extras == set()
    (version,) = locked("runtime/gateway/requirements.txt")["litellm"]
    assert asked["litellm"].specifier.contains(version)
    pins = locked("runtime/gateway/requirements.txt")
    both = proxy_requirements(installed).keys() & asked.keys()
    assert {name for name in both if not all(asked[name].specifier.contains(pin) for pin in pins[name])} == set()


def test_nothing_asks_for_what_is_excluded() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert not re.search(r'^\s*"litellm\[', text, re.MULTILINE)
    for path in ("requirements/dev.txt", "requirements/runtime.txt", "requirements/starter.txt"):
        assert locked(path).keys() & excluded() == set()
