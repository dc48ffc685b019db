"""What a change of product code changes in generated/, and what a review reports of it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.compiler.conftest import manifest_of

from lisa_compiler import resources
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.product import layers, sources
from lisa_compiler.review.change import OutputChange, compare
from lisa_compiler.review.output import Output, read_output

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ("airgap", "dev", "prod")
MOST_FILES = 75
MOST_BYTES = 1_500_000
MOST_LINES = 6
_DIGEST = re.compile(r"[0-9a-f]{64}|(?<=ApiDeployment)[0-9a-f]{16}")

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Revision:
    """Output in memory, as a revision of git is read."""

    files: Files

    def read(self, paths: Iterable[str]) -> Files:
        return {path: self.files[path] for path in paths if path in self.files}


def compiled(environment: str) -> dict[str, bytes]:
    """The complete output of an example environment."""
    made = compile_environment(ROOT, environment)
    return {**made.files, "manifest.json": manifest_of(made)}


def changed_lines(before: Files, after: Files) -> list[str]:
    """The lines of a diff without context: removed ones with `-`, added ones with `+`."""
    assert before.keys() == after.keys()
    return [
        line
        for path in before
        for line in difflib.unified_diff(
            before[path].decode().splitlines(), after[path].decode().splitlines(), lineterm="", n=0
        )
        if not line.startswith(("---", "+++", "@@"))
    ]


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Add a line to files of LISA, given by what their paths end with."""
    read = resources.source_files

    def change(*ends: str) -> None:
        def edited(folder: Path) -> dict[str, bytes]:
            return {
                path: content + (b"\n# one line\n" if f"{folder}/{path}".endswith(ends) else b"")
                for path, content in read(folder).items()
            }

        for module in (sources, layers):
            monkeypatch.setattr(module, "source_files", edited)

    return change


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_has_few_files(environment: str) -> None:
    folder = ROOT / "generated" / environment
    assert 20 < sum(path.is_file() for path in folder.rglob("*")) <= MOST_FILES


def test_environments_are_small() -> None:
    sizes = [
        path.stat().st_size
        for environment in ENVIRONMENTS
        for path in (ROOT / "generated" / environment).rglob("*")
        if path.is_file()
    ]
    assert 100_000 < sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_generated_holds_no_copy_of_product_code(environment: str) -> None:
    suffixes = {path.suffix for path in (ROOT / "generated" / environment).rglob("*") if path.is_file()}
    assert not suffixes & {".py", ".css", ".html", ".map", ".woff2"}
    scripts = [path.name for path in (ROOT / "generated" / environment).rglob("*.js")]
    assert scripts == ["env.js"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_one_line_of_a_function_changes_few_lines(environment: str, edit: Callable[..., None]) -> None:
    before = compiled(environment)
    edit("lisa_lambdas/session/store.py")
    lines = changed_lines(before, compiled(environment))
    for sign in "-+":
        assert 0 < sum(line.startswith(sign) for line in lines) <= MOST_LINES, lines
    assert all(_DIGEST.search(line) for line in lines)


def test_upgrade_is_a_diff_of_digests(edit: Callable[..., None]) -> None:
    before = compiled("dev")
    edit(
        "lisa_gateway/app.py",
        "lisa_oidc/verification.py",
        "lisa_schema/diagnostic_types.py",
        "lisapy/__init__.py",
        ".html",
    )
    after = compiled("dev")
    products = [json.loads(files["manifest.json"])["artifacts"] for files in (before, after)]
    different = {name for name in products[0] if products[0][name] != products[1][name]}
    assert different == {
        "containers/rest-api",
        "functions/authorizer",
        "functions/models",
        "layers/sdk",
        "web/application",
    }
    lines = changed_lines(before, after)
    removed, added = ([line[1:] for line in lines if line.startswith(sign)] for sign in "-+")
    assert [_DIGEST.sub("", line) for line in removed] == [_DIGEST.sub("", line) for line in added]
    assert len(removed) < 60


def review(before: Files, after: Files) -> OutputChange:
    outputs: list[Output] = []
    for files in (before, after):
        read = read_output(Revision({f"generated/dev/{path}": content for path, content in files.items()}), "dev")
        assert read is not None
        outputs.append(read)
    return compare("dev", *outputs)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("dist/index.html", "The chat application changes."),
        ("lisa_lambdas/session/store.py", "The code of the Lambda function `session` changes."),
        ("lisapy/__init__.py", "The Lambda layer `sdk` is rebuilt."),
    ],
)
def test_review_reports_a_change_of_product_code_as_just_that(path: str, text: str, edit: Callable[..., None]) -> None:
    before = compiled("dev")
    edit(path)
    change = review(before, compiled("dev"))
    assert [impact.text for impact in change.impacts] == [text]
    assert change.settings == ()


def test_policy_does_not_change_with_the_application(edit: Callable[..., None]) -> None:
    before = json.loads(compiled("dev")["cloudformation/ui.template.json"])["Resources"]
    edit("dist/index.html")
    after = json.loads(compiled("dev")["cloudformation/ui.template.json"])["Resources"]
    assert [name for name in before if before[name] != after[name]] == ["Content88381566"]
    policies = json.dumps([each for each in after.values() if each["Type"] == "AWS::IAM::Role"])
    assert "/web-*" in policies
    assert not _DIGEST.search(policies)
