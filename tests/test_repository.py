"""The repository around the code: what its documents promise is there."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9][^ ;]*)(?: ; .+)? \\")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def targets() -> set[str]:
    found: set[str] = set()
    for line in read("Makefile").splitlines():
        if match := re.match(r"([A-Za-z][\w -]*):(?!=)", line):
            found.update(match[1].split())
    return found


def pins(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := PIN.fullmatch(line):
            found.setdefault(match["name"], set()).add(match["version"])
    return found


def headings(document: Path) -> set[str]:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", document.read_text(encoding="utf-8"))):
            if not link.startswith(("http://", "https://", "mailto:")):
                yield document, link


@pytest.mark.parametrize(
    ("document", "link"), [pytest.param(*pair, id=f"{pair[0].name}:{pair[1]}") for pair in links()]
)
def test_links_lead_somewhere(document: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    # What the compiler writes is committed after it is compiled; its own tests look at it.
    assert target.exists() or target.is_relative_to(ROOT / "generated")
    assert not anchor or anchor in headings(target)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_make_targets_that_documents_name_exist(document: Path) -> None:
    named = set(re.findall(r"(?:`|^|\$ |&& )make ([a-zA-Z0-9-]+)", document.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_codes_that_documents_name_exist(document: Path) -> None:
    known = set(re.findall(r"LISA\d{3}", read("docs/diagnostics.md")))
    assert set(re.findall(r"LISA\d{3}", document.read_text(encoding="utf-8"))) <= known


def test_the_page_of_commands_names_every_command_and_option() -> None:
    import typer.main

    from lisa_compiler.cli.app import app
    from lisa_compiler.cli.lazy_group import LazyCommand

    page = read("docs/commands.md")
    missing = []

    def look(command: object, path: str) -> None:
        command = command.load() if isinstance(command, LazyCommand) else command
        for name, inner in getattr(command, "commands", {}).items():
            look(inner, f"{path} {name}")
        if not hasattr(command, "commands") and f"`{path}`" not in page:
            missing.append(path)
        for parameter in command.params:  # type: ignore[attr-defined]
            shown = () if getattr(parameter, "hidden", False) else parameter.opts
            missing.extend(f"{path} {option}" for option in shown if option not in page)

    look(typer.main.get_command(app), "lisa")
    unmentioned = {"lisa --show-completion", "lisa --version", "lisa --help"}
    assert [name for name in missing if name not in unmentioned] == []


def test_the_two_commands_of_the_readme_are_targets() -> None:
    block = re.search(r"## Quick start.*?```bash\n(.*?)```", read("README.md"), re.DOTALL)
    assert block is not None
    commands = [line.split("#")[0].strip() for line in block[1].splitlines()]
    assert commands == ["make compile ENV=dev", "make test"]
    assert {"compile", "test"} <= targets()


def make(*arguments: str, **variables: str) -> str:
    """Run make as a person does, whatever make runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "ARGS"))}
    command = ["make", "--no-print-directory", *arguments]
    result = subprocess.run(
        command, cwd=ROOT, env={**environment, **variables}, capture_output=True, text=True, check=True
    )
    return result.stdout


def test_make_alone_lists_every_documented_target() -> None:
    documented = set(re.findall(r"^([a-zA-Z-]+):.*## ", read("Makefile"), re.MULTILINE))
    assert documented == set(re.findall(r"^  ([a-zA-Z-]+) ", make(), re.MULTILINE))


def test_variables_become_options() -> None:
    variables = {"ENV": "dev", "PROFILE": "p", "DEPLOYMENT_NAME": "a b", "ACCOUNT_NUMBER": "1", "REGION": "r"}
    recipe = make("--dry-run", "compile", "LISA=printf '%s\\n'", **variables)
    command = recipe[recipe.index("printf") :]
    said = subprocess.run(["bash", "-c", command], env=variables, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        "compile",
        "--env=dev",
        "--profile=p",
        "--deployment-name=a b",
        "--account-number=1",
        "--region=r",
    ]


def test_one_environment_can_hold_runtime_and_tools() -> None:
    runtime, tools = pins(ROOT / "requirements/runtime.txt"), pins(ROOT / "requirements/dev.txt")
    assert runtime.keys() <= tools.keys()
    assert {name for name in runtime if not runtime[name] <= tools[name]} == set()


def test_what_pyproject_asks_for_is_locked() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    asked = {
        "runtime": [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["aws"]],
        "dev": project["dependency-groups"]["dev"],
        "checkov": project["dependency-groups"]["checkov"],
    }
    for lock, requirements in asked.items():
        names = {re.split(r"[\[<>=!~ ;]", requirement)[0].lower() for requirement in requirements}
        assert names <= pins(ROOT / f"requirements/{lock}.txt").keys(), lock


@pytest.mark.parametrize("workflow", sorted(ROOT.glob(".github/workflows/*.yml")), ids=name_of)
def test_actions_are_pinned_by_commit_and_rights_are_few(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    uses = re.findall(r"uses: (.+)", text)
    assert uses
    own = "./.github/workflows/deploy-environment.yml "
    pinned = r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert [use for use in uses if not re.fullmatch(pinned, use) and not use.startswith(own)] == []
    content = yaml.safe_load(text)
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        for step in job.get("steps", ()):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_workflows_are_what_their_templates_make() -> None:
    from lisa_compiler.starter.workflows import OWN, workflows

    assert {path: read(path) for path in workflows(OWN)} == workflows(OWN)


@pytest.mark.parametrize("file", ["package.json", "package-lock.json"])
def test_the_cdk_cli_is_the_one_that_new_repositories_get(file: str) -> None:
    assert read(file) == read(f"templates/starter/{file}")


def test_ci_checks_that_generated_is_current() -> None:
    assert "lisa ci check --format github" in read(".github/workflows/check.yml")


def test_every_check_of_lint_is_run_by_ci() -> None:
    lint = re.search(r"^lint: (.+?) ##", read("Makefile"), re.MULTILINE)
    beside = re.search(r"^beside (.+?) \$", read(".ci/run"), re.MULTILINE)
    steps = re.search(r"^for check in (.+); do", read(".ci/run"), re.MULTILINE)
    assert lint is not None
    assert beside is not None
    assert steps is not None
    assert {*beside[1].split(), *(f"check-{step}" for step in steps[1].split())} == set(lint[1].split())
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_checkov_skips_ten_checks_at_most_each_with_a_reason() -> None:
    text = read(".checkov.yaml")
    skipped = yaml.safe_load(text)["skip-check"]
    assert len(skipped) == len(set(skipped)) <= 10
    assert len(re.findall(r"  # [^\n]+\n(?:  # [^\n]+\n)*  - CKV", text)) == len(skipped)


@pytest.mark.parametrize("picture", sorted(ROOT.glob("docs/images/*.svg")), ids=name_of)
def test_pictures_have_a_title_and_need_nothing_from_elsewhere(picture: Path) -> None:
    root = ElementTree.parse(picture).getroot()
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert "href" not in picture.read_text(encoding="utf-8")


def test_the_changelog_says_what_comes() -> None:
    assert re.search(r"^## \[Unreleased\]\n\n### Added\n\n- ", read("CHANGELOG.md"), re.MULTILINE)


def test_hooks_of_pre_commit_need_no_network() -> None:
    repositories = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    assert {hook["language"] for repository in repositories for hook in repository["hooks"]} == {"system"}


def test_decisions_are_listed() -> None:
    pages = {path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md")}
    assert pages == set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", read("docs/decisions/README.md")))
