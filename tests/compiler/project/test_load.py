"""Loading: files, environments, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_compiler.project.load import environments, load
from lisa_schema import ConfigurationError, Origin
from lisa_schema.overlay import Override
from lisa_schema.yaml_reader import MAX_BYTES

CONFIG = "env: dev\nbase: {region: us-east-1, appName: lisa}\ndev: {region: us-west-2}\nprod:\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "environments").mkdir()
    return tmp_path


def overlay(project: Path, name: str, text: str) -> None:
    (project / "environments" / name).write_text(text, encoding="utf-8")


def rules_of(project: Path, environment: str | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(project, environment)
    return [found.rule for found in caught.value.diagnostics]


def test_layers_in_their_order(project: Path) -> None:
    overlay(project, "dev.yaml", "deploymentName: from-overlay\nappName: other\n")
    loaded = load(project, None, [Override("--deployment-name", ("deploymentName",), "from-option")])
    assert loaded.environment == "dev"
    assert loaded.document.environment == "dev"
    assert loaded.document.plain() == {"region": "us-west-2", "appName": "other", "deploymentName": "from-option"}
    assert loaded.document.origin(("appName",)) == Origin("environments/dev.yaml", 2, 10)
    assert loaded.document.origin(("region",)).file == "config.yaml"
    assert loaded.files == (project / "config.yaml", project / "environments" / "dev.yaml")
    assert loaded.diagnostics == ()


def test_a_block_without_overlay_and_an_overlay_without_block(project: Path) -> None:
    overlay(project, "stage.yaml", "region: eu-west-1\n")
    assert load(project, "prod").document.plain() == {"region": "us-east-1", "appName": "lisa"}
    assert load(project, "stage").document.plain()["region"] == "eu-west-1"
    assert environments(project) == ("dev", "prod", "stage")


@pytest.mark.parametrize("name", ["deev", "base", "env", "../dev", "", "x y", "a" * 300, "\0"])
def test_unknown_environments(project: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(project, name)
    (found,) = caught.value.diagnostics
    assert found.rule == "environment-unknown"
    assert "dev, prod" in found.message


def test_no_config(tmp_path: Path) -> None:
    assert rules_of(tmp_path) == ["file-missing"]
    (tmp_path / "config.yml").write_text(CONFIG, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    assert caught.value.diagnostics[0].fix == "Rename config.yml to config.yaml."


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"a: " + b"x" * MAX_BYTES, "file-too-large"),
        (b"env: dev\ndev: {appName: \xff\xfe}\n", "file-encoding"),
        (b"env: dev\ndev: {appName: a\0b}\n", "file-encoding"),
        (b"env: dev\ndev: {appName: [}\n", "yaml-syntax"),
        (b"", "yaml-root"),
        (b"[]", "yaml-root"),
        (b"env:\ndev:\n", "environment-unset"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, rule: str) -> None:
    (tmp_path / "config.yaml").write_bytes(content)
    assert rules_of(tmp_path) == [rule]


def test_config_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").mkdir()
    assert rules_of(tmp_path) == ["file-unreadable"]


def test_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\xef\xbb\xbf" + CONFIG.encode())
    assert load(tmp_path).environment == "dev"


def test_errors_of_the_overlay_name_its_file(project: Path) -> None:
    overlay(project, "dev.yaml", "a: 1\na: 2\n")
    (error,) = load(project).document.errors
    assert error.rule == "yaml-duplicate-key"
    assert error.origin == Origin("environments/dev.yaml", 2, 1)


def test_an_overlay_has_to_be_a_mapping(project: Path) -> None:
    overlay(project, "dev.yaml", "- a\n")
    assert [error.rule for error in load(project).document.errors] == ["yaml-root"]
    overlay(project, "dev.yaml", "# nothing yet\n")
    assert load(project).document.errors == ()


def test_an_overlay_that_is_not_read_is_a_warning(project: Path) -> None:
    overlay(project, "dev.yml", "region: eu-west-1\n")
    assert [warning.rule for warning in load(project).diagnostics] == ["overlay-unread"]


def test_an_environment_whose_name_cannot_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("env: a b\na b: {region: x}\n", encoding="utf-8")
    assert [error.rule for error in load(tmp_path).document.errors] == ["environment-name"]


def test_the_working_directory_does_not_matter(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(project).document
    monkeypatch.chdir("/")
    assert load(project).document == before


def test_an_overlay_that_repeats_the_environment(project: Path) -> None:
    overlay(project, "dev.yaml", "dev:\n  logLevel: DEBUG\nappName: other\n")
    loaded = load(project)
    (found,) = loaded.document.errors
    assert (found.rule, found.origin) == ("unknown-key", Origin("environments/dev.yaml", 1, 1))
    assert "`dev` is repeated" in found.message
    assert found.fix == "Remove the line `dev:`, and move the lines below it up one level."
    # What is below it is checked all the same, at its own lines.
    assert loaded.document.plain()["logLevel"] == "DEBUG"
    assert loaded.document.origin(("logLevel",)) == Origin("environments/dev.yaml", 2, 13)


def test_a_block_that_repeats_its_name(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("env: dev\ndev:\n  dev:\n    region: us-east-1\n", encoding="utf-8")
    (found,) = load(tmp_path).document.errors
    assert (found.rule, found.origin) == ("unknown-key", Origin("config.yaml", 3, 3))


def test_a_block_with_a_tag_has_one_error(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("env: dev\ndev: !include dev.yaml\n", encoding="utf-8")
    (found,) = load(tmp_path).document.errors
    assert (found.rule, found.origin) == ("yaml-tag", Origin("config.yaml", 2, 6))
    assert "no other file is read" in found.fix
