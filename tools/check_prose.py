"""Check texts against the word list prose_terms.yml: documentation, templates, messages, help and the chat application.

Prints `file:line: term -> use` for each term, and exits with 1 if there are any. It works offline. Code is skipped:
code blocks, code spans and link targets of Markdown, and everything in Python except strings. Docstrings are checked
where they are published: of decorated functions (help of commands, meaning of rules) and of configuration models (JSON
Schema, docs/reference.md).
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TERMS = Path(__file__).with_name("prose_terms.yml")

CHECKED = (
    "*.md",
    "Makefile",
    "compiler/*.py",
    "config.yaml",
    "environments/*.yaml",
    "policy/*.yaml",
    "runtime/*.py",
    "runtime/web/src/*.ts",
    "runtime/web/src/*.tsx",
    "schema/*.py",
    "sdk/*.py",
    "templates/*",
    "weights/*.py",
)
# Not prose of LISA: compiled output, licenses, certificates, data of tests, and prompts that models receive.
SKIPPED = (
    "generated/*",
    "docs/licences.md",
    "runtime/web/dist/*",
    "runtime/web/src/features/chat/prompt.ts",
    "*.test.ts",
    "*.test.tsx",
    "sdk/tests/*",
    "templates/trust/*",
    "tests/*",
)
PUBLISHED_MODELS = "schema/lisa_schema/models/"

_MARKDOWN_CODE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1|(`+)(?!`).+?(?<!`)\2(?!`)|\]\([^)\s]*\)|<!--.*?-->", re.M | re.S)
_CODE_SPAN = re.compile(r"(`+)[^`]+\1")
_TYPESCRIPT_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.S)


@dataclass(frozen=True, slots=True)
class Term:
    """A term that is not used: its pattern and the replacements."""

    pattern: re.Pattern[str]
    use: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One use of a term: file below the root, line from 1, the text that matched, and the replacements."""

    file: str
    line: int
    text: str
    use: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text} -> {self.use}"


def read_terms(path: Path = TERMS) -> tuple[Term, ...]:
    """Read a word list in Vale's substitution format.

    Raises:
        ValueError: the list has no `swap`, or a key is not a regular expression.
    """
    swap = yaml.safe_load(path.read_text(encoding="utf-8")).get("swap")
    if not swap:
        raise ValueError(f"{path.name} has no `swap`.")
    return tuple(Term(_compiled(key), str(use).replace("|", " or ")) for key, use in swap.items())


def find_hits(file: str, content: str, terms: Sequence[Term]) -> Iterator[Hit]:
    """Find terms in the prose of a file's content; its name decides what of it is prose."""
    for first_line, text in _prose(file, content):
        for term in terms:
            for match in term.pattern.finditer(text):
                line = first_line + text.count("\n", 0, match.start())
                yield Hit(file, line, " ".join(match[0].split()), term.use)


def checked_files(root: Path = ROOT) -> list[str]:
    """List the files under version control that are checked."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *CHECKED, *(f":!{pattern}" for pattern in SKIPPED)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def main(root: Path = ROOT) -> int:
    """Check every file and print the hits."""
    terms = read_terms()
    hits = []
    for name in checked_files(root):
        hits += sorted(find_hits(name, (root / name).read_text(encoding="utf-8"), terms), key=lambda hit: hit.line)
    for hit in hits:
        print(hit)  # noqa: T201  # the report
    if hits:
        print(f"{len(hits)} terms to replace; the list is tools/{TERMS.name}.", file=sys.stderr)  # noqa: T201
    return 1 if hits else 0


def _compiled(key: str) -> re.Pattern[str]:
    """Compile a key; a space in it also matches the end of a line."""
    flags = re.IGNORECASE
    if key.startswith("(?-i:"):
        key, flags = key[len("(?-i:") : -1], re.RegexFlag(0)
    return re.compile(key.replace(" ", r"\s+"), flags)


def _prose(file: str, content: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a file that are prose, each with its first line; what is code in them is blanked."""
    if file.endswith(".py"):
        yield from _python(file, content)
    elif file.endswith((".md", ".md.j2")):
        yield 1, _MARKDOWN_CODE.sub(_blank, content)
    elif file.endswith((".ts", ".tsx")):
        yield 1, _TYPESCRIPT_COMMENT.sub(_blank, content)
    else:
        yield 1, re.sub(r"(`+)[^`\n]+\1", _blank, content)


def _python(file: str, content: str) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module, without the docstrings that only its readers see."""
    tree = ast.parse(content)
    models = [node for node in tree.body if isinstance(node, ast.ClassDef)] if PUBLISHED_MODELS in file else []
    internal = {
        id(node.value)
        for parent in ast.walk(tree)
        if isinstance(parent, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not (parent in models or (isinstance(parent, ast.FunctionDef) and parent.decorator_list))
        for node in parent.body
        if isinstance(node, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in internal:
            yield node.lineno, _CODE_SPAN.sub(_blank, node.value)


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


if __name__ == "__main__":
    sys.exit(main())
