"""Compiling as a library: what is compiled, what is written, and what is noticed meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.compiler.cli.conftest import CONFIG, Pipeline

from lisa_compiler.compile import cache, pipeline
from lisa_compiler.compile.compilation import Compilation, CompileOptions, compile_project
from lisa_compiler.compile.saving import write_output
from lisa_compiler.project.project import Project, Selection
from lisa_schema.errors import ConfigurationError

ALL = Selection(all=True)


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    fake = Pipeline()
    monkeypatch.setattr(pipeline, "compile_planned", fake.compile_planned)
    return fake


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def compile_all(root: Path, **options: bool) -> Compilation:
    return compile_project(Project(root), ALL, root / "generated", CompileOptions(**options))


def test_compiling_writes_nothing(root: Path, compiler: Pipeline) -> None:
    made = compile_all(root)
    assert [one.name for one in made.out_of_date] == ["dev", "prod"]
    assert not (root / "generated").exists()


def test_write_output_yields_each_environment_that_it_wrote(root: Path, compiler: Pipeline) -> None:
    made = compile_all(root)
    written = [(one.name, (root / "generated" / one.name / "manifest.json").is_file()) for one, _ in write_output(made)]
    assert written == [("dev", True), ("prod", True)]
    assert [(name, build.files) for name, build in compile_all(root).unchanged.items()] == [("dev", 4), ("prod", 4)]


def test_errors_of_all_environments_are_raised_at_once(root: Path, compiler: Pipeline) -> None:
    text = CONFIG.replace("deploymentStage: dev", "deploymentStgae: dev").replace("retain", "keep")
    (root / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        compile_all(root)
    assert {diagnostic.key_path for diagnostic in caught.value.diagnostics} >= {"deploymentStgae", "removalPolicy"}
    assert compiler.compiled == []


def test_strict_turns_warnings_into_errors(root: Path, compiler: Pipeline) -> None:
    (root / "environments").mkdir()
    (root / "environments/dev.yml").write_text("", encoding="utf-8")
    assert not compile_all(root).has_errors
    assert compile_all(root, strict=True).has_errors


def test_edit_after_the_environments_were_looked_up_is_compiled(
    root: Path, compiler: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = cache.snapshot

    def edit_before_snapshot(project: Path, environment: str) -> cache.Snapshot:
        path = project / "config.yaml"
        path.write_text(CONFIG.replace("us-east-1", "us-west-2"), encoding="utf-8")
        return snapshot(project, environment)

    monkeypatch.setattr(cache, "snapshot", edit_before_snapshot)
    made = compile_project(Project(root), Selection(), root / "generated", CompileOptions())
    assert made.compiled[0].files["SUMMARY.md"] == b"test in us-west-2\n"


def test_options_of_the_project_are_in_the_manifest(root: Path, compiler: Pipeline) -> None:
    project = Project(root, (("--region", "us-west-2"), ("--set deploymentName", "mine")))
    made = compile_project(project, Selection(), root / "generated", CompileOptions())
    manifest = json.loads(made.compiled[0].files["manifest.json"])
    assert manifest["options"] == {"--region": "us-west-2", "--set deploymentName": "mine"}
