"""The prose check: which texts it reads, what it reports, and that the repository is clean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from check_prose import ROOT, TERMS, checked_files, find_hits, main, read_terms


def found(file: str, content: str) -> list[str]:
    return [str(hit) for hit in find_hits(file, content, read_terms())]


def test_repository_uses_no_listed_term() -> None:
    result = subprocess.run(
        [sys.executable, "-P", ROOT / "tools" / "check_prose.py"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_main_reports_file_line_term_and_replacement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("# Page\n\nMend the error, and\nrun it\nby hand.\n", encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert main(tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        "docs/page.md:3: Mend -> fix",
        "docs/page.md:5: by hand -> manually",
    ]


def test_term_across_lines_is_reported_at_its_first_line() -> None:
    assert found("README.md", "Nothing is changed by\nhand.\n") == ["README.md:1: by hand -> manually"]


@pytest.mark.parametrize(
    "content",
    [
        "`mend`",
        "```\nmend\n```",
        "~~~\nmend\n~~~",
        "[page](mend.md)",
        "<!-- mend -->",
        "mended-files is no option: `--mend`",
    ],
)
def test_markdown_skips_code_and_addresses(content: str) -> None:
    assert [hit for hit in found("README.md", content) if "mended" not in hit] == []


def test_python_checks_strings_and_published_docstrings() -> None:
    command = '@app.command()\ndef compile() -> None:\n    """Mend it."""\n'
    function = 'def compile() -> None:\n    """Mend it."""\n'
    model = 'class Model:\n    """Mend it."""\n'
    message = 'raise LisaError(\n    f"{name}: mend it."\n)\n'
    assert found("compiler/a.py", command) == ["compiler/a.py:3: Mend -> fix"]
    assert found("compiler/a.py", message) == ["compiler/a.py:2: mend -> fix"]
    assert found("schema/lisa_schema/models/a.py", model) == ["schema/lisa_schema/models/a.py:2: Mend -> fix"]
    assert found("compiler/a.py", function + model) == []


def test_python_skips_names_comments_and_code_spans() -> None:
    assert found("compiler/a.py", 'mend = 1  # mend\ntext = "Run `mend`."\n') == []


def test_typescript_checks_text_and_skips_comments() -> None:
    source = "// mend\n/* mend\n */\nexport const text = <p>Mend it: https://a.example/b</p>;\nconst s = `mend ${x}`;\n"
    assert found("runtime/web/src/a.tsx", source) == [
        "runtime/web/src/a.tsx:4: Mend -> fix",
        "runtime/web/src/a.tsx:5: mend -> fix",
    ]


def test_case_matters_where_the_list_says_so() -> None:
    assert found("README.md", "An Auto Scaling group in an Availability Zone.") == []
    assert len(found("README.md", "An auto scaling group in an availability zone.")) == 2


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "docs/start.md",
        "docs/decisions/0017-review.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Makefile",
        "compiler/lisa_compiler/cli/app.py",
        "schema/lisa_schema/diagnostic_types.py",
        "templates/summary/SUMMARY.md.j2",
        "runtime/web/src/app/Screen.tsx",
    ],
)
def test_published_texts_are_checked(file: str) -> None:
    assert file in checked_files()


def test_generated_output_and_tests_are_not_checked() -> None:
    assert [file for file in checked_files() if file.startswith(("generated/", "tests/", "docs/licences.md"))] == []


def test_list_without_terms_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / TERMS.name
    path.write_text("extends: substitution\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no `swap`"):
        read_terms(path)
