"""What the documentation shows: configurations are valid, and commands have the options that they are shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from lisa_compiler.cli.app import app
from lisa_schema import ConfigurationError
from lisa_schema.document import MappingNode
from lisa_schema.overlay import merge, parse_override
from lisa_schema.validate import validate
from lisa_schema.yaml_reader import read_yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
OF_OTHER_FILES = {
    "- model_id": "llm's models",
    "models": "Continue's configuration",
    "waivers": "policy/waivers.yaml",
}
"""First keys of blocks that are no configuration of LISA."""

FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`(lisa [^`\n]+)`(?!`)")


def blocks(page: Path, *languages: str) -> Iterator[tuple[int, str]]:
    """The code of a page in a language, with its first line."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if found[2] in languages:
            code = "\n".join(line.removeprefix(found[1]) for line in found[3].splitlines())
            yield text.count("\n", 0, found.start()) + 2, code


EXAMPLES = [
    pytest.param(page.name, code, id=f"{page.name}:{line}")
    for page in PAGES
    for line, code in blocks(page, "yaml")
    if not code.startswith(tuple(f"{key}:" for key in OF_OTHER_FILES))
]


BASE = [
    "accountNumber='123456789012'",
    "restApiConfig.loadBalancerConfig.sslCertIamArn=arn:aws:iam::123456789012:server-certificate/lisa",
]
# Secrets and subnets that an example requires are described in the text beside it.
CONTEXT = {"LISA352", "LISA385"}


@pytest.mark.parametrize(("page", "code"), EXAMPLES)
def test_configuration_examples_are_valid(page: str, code: str) -> None:
    if code.startswith("containerConfig:"):
        code = "restApiConfig:\n" + "\n".join(f"  {line}" for line in code.splitlines())
    part, problems = read_yaml(code, page)
    assert not problems
    assert isinstance(part, MappingNode)
    base, _ = read_yaml((ROOT / "config.yaml").read_text(encoding="utf-8"), "config.yaml")
    assert isinstance(base, MappingNode)
    layers = [layer for layer in (base.get("base"), base.get("dev")) if isinstance(layer, MappingNode)]
    settings = merge(layers, [parse_override(change) for change in BASE]).root
    document = replace(merge([settings, part]), environment="dev")
    try:
        found = validate(document).diagnostics
    except ConfigurationError as error:
        found = error.diagnostics
    wrong = [f"{one.code} {one.key_path}: {one.message}" for one in found if one.is_error and one.code not in CONTEXT]
    assert wrong == []


def commands() -> Iterator[tuple[str, int, str]]:
    """Each command line of `lisa` in the documentation, with its page and line."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for line, code in blocks(page, "bash", "console", "sh", "yaml"):
            joined = re.sub(r"\\\n\s*", " ", code)
            for number, row in enumerate(joined.splitlines()):
                found = re.match(r"\s*(?:\$ |- run: )?(?:[A-Z_]+=\S+ )*(lisa .+)", row)
                if found:
                    yield page.name, line + number, found[1]
        for found in INLINE.finditer(FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)):
            yield page.name, text.count("\n", 0, found.start()) + 1, found[1]


def fault(line: str) -> str:
    """What typer's parser says against a command line; empty if it has each command and option."""
    plain = re.split(r" [|&>]|\s#|;|\)$", line)[0].replace("\N{HORIZONTAL ELLIPSIS}", "")
    words = [re.sub(r"[\[\]]", "", word) for word in shlex.split(plain)]
    words = [word for word in words if word and word not in ("...", "|")]
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="lisa")
    names = ["lisa"]
    rest = words[1:]
    while hasattr(command, "resolve_command"):
        if not rest or rest[0].startswith(("-", "<")):
            break  # A group that is a command itself, or stands for all of its commands.
        try:
            name, command, rest = command.resolve_command(context, rest)
        except Exception as error:
            return f"{' '.join(names)}: {getattr(error, 'message', error)}"
        names.append(str(name))
        context = command.context_class(command, info_name=name, parent=context)
    try:
        command.make_parser(context).parse_args(rest)
    except Exception as error:
        message = str(getattr(error, "message", error))
        return "" if "requires an argument" in message else f"{' '.join(names)}: {message}"
    return ""


def test_commands_have_the_options_that_they_are_shown_with() -> None:
    shown = list(commands())
    assert len(shown) > 150
    assert [f"{page}:{line}: {text} -> {told}" for page, line, text in shown if (told := fault(text))] == []


@pytest.mark.parametrize(
    "line",
    [
        "lisa compil --env dev",
        "lisa compile --enviroment dev",
        "lisa vpc describ --env dev",
        "lisa fit x --instances y",
    ],
)
def test_a_command_with_a_misspelling_is_found(line: str) -> None:
    assert fault(line)
