"""A project loads and validates each environment once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compiler.conftest import configuration

from lisa_compiler.project import load as loading
from lisa_compiler.project.paths import WEIGHTS_LOCK, ami_lock, shown_path
from lisa_compiler.project.project import Project, Selection, assignment_options
from lisa_schema import validate as validating
from lisa_schema.errors import ConfigurationError
from lisa_schema.overlay import Override
from lisa_weights.lock.lock_file import LOCK_FILE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    content = {
        "env": "dev",
        "base": configuration(),
        "dev": {},
        "prod": {"region": "us-west-2"},
        "bad": {"region": "x"},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the functions that loaded or validated, in the order of their calls."""
    seen: list[str] = []

    def count(module: Any, name: str) -> None:
        original = getattr(module, name)

        def counted(*arguments: Any) -> Any:
            seen.append(name)
            return original(*arguments)

        monkeypatch.setattr(module, name, counted)

    count(loading, "load")
    count(validating, "validate")
    return seen


def test_project_validates_an_environment_once(root: Path, calls: list[str]) -> None:
    project = Project(root)
    assert project.environment(None) is project.environment("dev")
    assert project.valid_environments(["dev", None])[0] is project.environment("dev")
    assert calls.count("validate") == 1


def test_project_loads_a_named_environment_once(root: Path, calls: list[str]) -> None:
    project = Project(root)
    assert project.load("prod") is project.load("prod")
    project.environment("prod")
    assert calls == ["load", "validate"]


def test_creating_a_project_reads_nothing(tmp_path: Path) -> None:
    assert Project(tmp_path / "nowhere").options == ()


def test_project_reports_errors_of_all_selected_environments(root: Path) -> None:
    project = Project(root)
    valid, found = project.validate(Selection(all=True))
    assert [environment.name for environment in valid] == ["dev", "prod"]
    assert [diagnostic.key_path for diagnostic in found if diagnostic.is_error] == ["region"]
    with pytest.raises(ConfigurationError):
        project.valid_environments(project.selected(Selection(all=True)))


def test_project_applies_options_before_changes(root: Path) -> None:
    change = Override("test", ("deploymentName",), "changed")
    project = Project(root, (("--deployment-name", "given"), ("--region", "us-west-2")), (change,))
    config = project.environment(None).config
    assert (config.deployment_name, config.region) == ("changed", "us-west-2")


def test_project_reports_all_wrong_options(root: Path) -> None:
    project = Project(root, assignment_options(["nonsense", "a[=1"]))
    with pytest.raises(ConfigurationError) as caught:
        project.environment(None)
    assert len(caught.value.diagnostics) == 2


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(), (None,)),
        (Selection(names=("prod",)), ("prod",)),
        (Selection(all=True), ("dev", "prod", "bad")),
    ],
)
def test_project_selects_environments(root: Path, selection: Selection, names: tuple[str | None, ...]) -> None:
    assert Project(root).selected(selection) == names


def test_default_environment_keeps_nothing_that_was_read(root: Path) -> None:
    project = Project(root)
    assert project.default_environment() == "dev"
    text = (root / "config.yaml").read_text(encoding="utf-8")
    (root / "config.yaml").write_text(text.replace("us-east-1", "eu-west-1"), encoding="utf-8")
    assert project.environment(None).config.region == "eu-west-1"


def test_environment_with_changed_configuration_leaves_the_original(root: Path) -> None:
    environment = Project(root).environment(None)
    assert environment.with_config(run_cdk_nag=True).config.run_cdk_nag
    assert not environment.config.run_cdk_nag


def test_lock_file_of_weights_has_one_name() -> None:
    assert WEIGHTS_LOCK == LOCK_FILE


def test_lock_file_of_amis_is_beside_the_configuration(root: Path) -> None:
    assert Project(root).ami_lock("dev") == root / "ami.dev.lock.json" == root / ami_lock("dev")


def test_paths_are_shown_relative_to_the_working_directory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert (shown_path(root / "generated"), shown_path(root), shown_path(root.parent)) == (
        "generated",
        ".",
        root.parent.as_posix(),
    )
