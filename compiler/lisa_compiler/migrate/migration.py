"""Migrate: files of LISA 3 to 6 and the models that its API lists → one config.yaml, and what has no equivalent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.comments import CommentedMap

from lisa_compiler.migrate.configuration import ConfigurationMigration
from lisa_compiler.migrate.models import read_models
from lisa_compiler.migrate.setting_types import type_faults
from lisa_compiler.proposals.yaml_file import YamlFile
from lisa_schema.errors import LisaError

_RESERVED = ("env", "base")


class MigrationError(LisaError):
    """The files cannot be migrated."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A migrated configuration.

    Attributes:
        text: config.yaml, with the comments of the files.
        environment: name of its environment.
        changes: what was written differently, each a sentence that begins with the key.
        without_equivalent: what was left out, each a sentence that begins with the key.
    """

    text: str
    environment: str
    changes: tuple[str, ...]
    without_equivalent: tuple[str, ...]


def migrate(files: Sequence[tuple[str, str]], models: str | None = None, environment: str | None = None) -> Migration:
    """Migrate a configuration.

    Args:
        files: path and text of each file, in the order in which LISA merges them: config-base.yaml, then
            config-custom.yaml; or the single config.yaml of LISA 3.0 to 3.2.
        models: what `GET /models` of the model management API answers, JSON.
        environment: name of the environment; None for the one that the file names, else `deploymentStage`.

    Raises:
        ProposalError: a file is not YAML.
        MigrationError: there are no settings or no such environment, a setting has a type that no version takes, or
            the models cannot be read.
    """
    read = [YamlFile(path, text) for path, text in files]
    merged: Any = CommentedMap()
    name = environment
    for file in read:
        block, found = _block(file.root, file.path, environment)
        if wrong := list(type_faults(block)):
            lines = [f"{file.path}:{line}: {message}" for line, message in wrong]
            raise MigrationError("The file cannot be migrated.\n" + "\n".join(lines))
        name = name or found
        if merged:
            _merge(merged, block)
        else:
            merged = block
    if not merged:
        raise MigrationError(f"{' and '.join(file.path for file in read)}: there are no settings to migrate.")
    migration = ConfigurationMigration(merged)
    try:
        listed = read_models(models) if models is not None else None
    except ValueError as error:
        raise MigrationError(f"The models cannot be read: {error}") from error
    migration.run(listed)
    name = name or str(merged["deploymentStage"])
    writer = read[0]
    wrapped = _wrapped(writer.root, merged, name)
    writer.root = wrapped
    return Migration(
        writer.after(),
        name,
        tuple(migration.changes),
        tuple(migration.without_equivalent),
    )


def _block(root: Any, path: str, environment: str | None) -> tuple[Any, str | None]:
    """The settings in a file: those of an environment, or all of them."""
    wanted = environment or (root.get("env") if isinstance(root.get("env"), str) else None)
    if wanted is not None and isinstance(root.get(wanted), CommentedMap):
        return root[wanted], wanted
    blocks = [key for key, value in root.items() if key != "env" and isinstance(value, CommentedMap)]
    if "env" in root:
        raise MigrationError(f"{path} has no environment `{wanted}`: it has {', '.join(map(str, blocks)) or 'none'}.")
    return root, None


def _merge(below: Any, above: Any) -> None:
    """Put settings over others: mappings merge, everything else replaces, comments come along."""
    for key, value in above.items():
        if isinstance(value, CommentedMap) and isinstance(below.get(key), CommentedMap):
            _merge(below[key], value)
            continue
        below[key] = value
        if key in above.ca.items:
            below.ca.items[key] = above.ca.items[key]


def _wrapped(root: Any, block: Any, name: str) -> Any:
    """The mapping of environments around a block; the one of the file where it has it."""
    if root.get(name) is block:
        for key in [key for key in root if key not in ("env", name, *_RESERVED)]:
            del root[key]
        root["env"] = name
        return root
    wrapped: Any = CommentedMap()
    wrapped["env"] = name
    wrapped[name] = block
    # What stands before the first key of the file stays before everything.
    if block.ca.comment is not None and block.ca.comment[1]:
        wrapped.ca.comment = [None, block.ca.comment[1]]
        block.ca.comment = [block.ca.comment[0], None]
    _indent(block, 2)
    return wrapped


def _indent(node: Any, columns: int) -> None:
    """Move comments on lines of their own with the keys that they stand above."""
    for token in _tokens(node):
        if token is not None and token.start_mark is not None:
            lines = token.value.split("\n")
            token.value = "\n".join(
                [lines[0], *(" " * columns + line if line.lstrip().startswith("#") else line for line in lines[1:])]
            )
            if token.value.startswith("#") and token.start_mark.column == 0:
                token.start_mark.column += columns
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        if hasattr(child, "ca"):
            _indent(child, columns)


def _tokens(node: Any) -> list[Any]:
    found: list[Any] = []
    for comments in [node.ca.comment or [], *node.ca.items.values()]:
        for one in comments:
            found += one if isinstance(one, list) else [one]
    return found
