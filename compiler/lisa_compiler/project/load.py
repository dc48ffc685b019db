"""Load: config.yaml and environments/<env>.yaml → one document that remembers where each value was written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lisa_compiler.project.paths import CONFIG_FILE, OVERLAY_FOLDER
from lisa_schema import diagnostic_types
from lisa_schema.diagnostics import Diagnostic, Origin
from lisa_schema.document import Document, Entry, MappingNode, Node, ScalarNode, SequenceNode, mapping
from lisa_schema.effective import key_places
from lisa_schema.errors import ConfigurationError
from lisa_schema.later_versions import key_of_later_version
from lisa_schema.overlay import Override, merge
from lisa_schema.yaml_reader import MAX_BYTES, read_yaml

_RESERVED: Final = ("env", "base")
_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The merged configuration of an environment.

    Attributes:
        environment: the environment's name.
        document: the merged configuration; its errors are reported by validate, together with all others.
        diagnostics: warnings about the files.
        files: the files that were read, config.yaml first.
    """

    environment: str
    document: Document
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[Path, ...]


def load(project: Path, environment: str | None = None, overrides: Sequence[Override] = ()) -> Loaded:
    """Read the configuration of one environment; None means the one that config.yaml names.

    Raises ConfigurationError when a file cannot be read, or when there is no such environment.
    """
    config, errors = _read_config(project)
    name = environment if environment is not None else _default_environment(config)
    overlay_path = project / OVERLAY_FOLDER / f"{name}.yaml"
    block = config.get(name) if name not in _RESERVED else None
    # The dot-dot of a hostile name must not lead out of the folder.
    has_overlay = bool(_ENVIRONMENT_NAME.match(name)) and overlay_path.is_file()
    if name in _RESERVED or (name not in config.entries and not has_overlay):
        # Fields at the top of the file are why there is no block, so that one diagnostic is enough.
        is_explained = any(error.rule == diagnostic_types.YAML_ROOT.rule for error in errors)
        unknown = [] if is_explained else [_unknown(name, environment is None, project, config)]
        raise ConfigurationError([*errors, *unknown])
    if not _ENVIRONMENT_NAME.match(name):
        origin = config.entries[name].key_origin
        errors.append(diagnostic_types.ENVIRONMENT_NAME.at(origin, f"`{name}` is not a valid environment name."))
    layers = [_block(config.get("base"), "base", errors), _own_fields(_block(block, name, errors), name, errors)]
    files = [project / CONFIG_FILE]
    if has_overlay:
        node, found = _read(overlay_path, f"{OVERLAY_FOLDER}/{name}.yaml", errors)
        errors += found
        layers.append(_own_fields(_block(node, f"{OVERLAY_FOLDER}/{name}.yaml", errors), name, errors))
        files.append(overlay_path)
    if isinstance(block, MappingNode) and (key := key_of_later_version(_outline(block))) is not None:
        errors.append(_later_version(key, block))
    merged = merge([layer for layer in layers if layer is not None], overrides)
    document = Document(merged.root, (*errors, *merged.errors), name)
    return Loaded(name, document, _unread_overlays(project), tuple(files))


def default_environment(project: Path) -> str:
    """Name of the environment that `env` in config.yaml names.

    Raises ConfigurationError when config.yaml cannot be read, or names no environment or one that does not exist.
    """
    config, _ = _read_config(project)
    name = _default_environment(config)
    return name if name in _environment_names(project, config) else load(project).environment


def environments(project: Path) -> tuple[str, ...]:
    """Name the environments that there are: blocks of config.yaml in its order, then overlays by name.

    Raises ConfigurationError when config.yaml cannot be read.
    """
    config, _ = _read_config(project)
    return _environment_names(project, config)


def _environment_names(project: Path, config: MappingNode) -> tuple[str, ...]:
    blocks = [key for key, entry in config.entries.items() if key not in _RESERVED and _may_be_block(entry.node)]
    overlays = sorted(path.stem for path in (project / OVERLAY_FOLDER).glob("*.yaml"))
    return tuple(dict.fromkeys([*blocks, *(name for name in overlays if _ENVIRONMENT_NAME.match(name))]))


def _may_be_block(node: Node) -> bool:
    return isinstance(node, MappingNode) or (isinstance(node, ScalarNode) and node.is_null)


def _read_config(project: Path) -> tuple[MappingNode, list[Diagnostic]]:
    path = project / CONFIG_FILE
    if not path.exists():
        other = project / "config.yml"
        fix = "Rename config.yml to config.yaml." if other.exists() else None
        message = "config.yaml is missing."
        raise ConfigurationError([diagnostic_types.FILE_MISSING.at(Origin(CONFIG_FILE), message, fix=fix)])
    node, found = _read(path, CONFIG_FILE, [])
    errors = list(found)
    if not isinstance(node, MappingNode):
        origin = node.origin if node else Origin(CONFIG_FILE, 1, 1)
        message = "config.yaml must be a mapping of environments."
        fix = "Write `env: dev` and below it `dev:` with the configuration indented."
        raise ConfigurationError([*errors, diagnostic_types.YAML_ROOT.at(origin, message, fix=fix)])
    if (key := key_of_later_version(_outline(node))) is not None:
        raise ConfigurationError([*errors, _later_version(key, node)])
    # A block with a tag has its diagnostic already.
    tagged = {error.origin for error in found if error.rule == diagnostic_types.YAML_TAG.rule}
    strays = [
        key
        for key, entry in node.entries.items()
        if key != "env" and not _may_be_block(entry.node) and entry.node.origin not in tagged
    ]
    if strays:
        others = f"and {len(strays) - 1} other keys are" if len(strays) > 1 else "is"
        message = f"`{strays[0]}` {others} at the top level of config.yaml, which must contain only environments."
        fix = "Indent them below the environment, such as `dev:`, or below `base:` for all environments."
        origin = node.entries[strays[0]].key_origin
        errors.append(diagnostic_types.YAML_ROOT.at(origin, message, key_path=strays[0], fix=fix))
    return node, errors


def _outline(block: MappingNode) -> dict[str, object]:
    """The keys of a block and of what is directly in it, without values: a configuration may be large."""

    def keys(node: Node) -> object:
        if isinstance(node, MappingNode):
            return dict.fromkeys(node.entries)
        return [keys(item) for item in node.items] if isinstance(node, SequenceNode) else None

    return {key: keys(entry.node) for key, entry in block.entries.items()}


def _later_version(key: str, block: MappingNode) -> Diagnostic:
    message = f"`{key}` has the form of LISA 3 to 6, which this version does not read."
    return diagnostic_types.LATER_VERSION.at(block.entries[key].key_origin, message, key_path=key)


def _read(path: Path, file: str, before: Sequence[Diagnostic]) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    try:
        return read_yaml(_text(path, file), file)
    except ConfigurationError as error:
        raise ConfigurationError([*before, *error.diagnostics]) from error


def _text(path: Path, file: str) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror or 'it is not readable'}."
        raise ConfigurationError([diagnostic_types.FILE_UNREADABLE.at(Origin(file), message)]) from error
    if len(content) > MAX_BYTES:
        raise ConfigurationError([diagnostic_types.FILE_TOO_LARGE.at(Origin(file), "The file is over 1 MiB.")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = "The file is not UTF-8 text."
        raise ConfigurationError([diagnostic_types.FILE_ENCODING.at(Origin(file, line, 1), message)]) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        message = "The file contains a NUL byte, so it is not text."
        raise ConfigurationError([diagnostic_types.FILE_ENCODING.at(Origin(file, line, 1), message)])
    return text


def _default_environment(config: MappingNode) -> str:
    node = config.get("env")
    if isinstance(node, ScalarNode) and node.text and not node.is_null:
        return node.text
    origin = config.entries["env"].key_origin if "env" in config.entries else Origin(CONFIG_FILE, 1, 1)
    message = "The environment is set neither by --env nor by `env` at the top of config.yaml."
    raise ConfigurationError([diagnostic_types.ENVIRONMENT_UNSET.at(origin, message, key_path="env")])


def _unknown(name: str, is_default: bool, project: Path, config: MappingNode) -> Diagnostic:
    known = _environment_names(project, config)
    there = f"Environments: {', '.join(known)}." if known else "No environments are configured."
    near = difflib.get_close_matches(name, known, 1)
    fix = f"Use {near[0]}." if near else f"Use one of them, or add environments/{name}.yaml."
    if not known or (not near and not _ENVIRONMENT_NAME.match(name)):
        fix = "Add a block to config.yaml, named with letters, digits, hyphens and underscores."
    origin = config.entries["env"].node.origin if is_default else Origin("--env")
    return diagnostic_types.ENVIRONMENT_UNKNOWN.at(
        origin, f"Unknown environment `{name}`. {there}", key_path="env" if is_default else "", fix=fix
    )


def _block(node: Node | None, name: str, errors: list[Diagnostic]) -> MappingNode | None:
    if isinstance(node, MappingNode):
        return node
    if node is not None and not _may_be_block(node) and "/" in name:
        message = f"{name} must be a mapping of keys to values."
        errors.append(diagnostic_types.YAML_ROOT.at(node.origin, message, fix="Write the fields as `key: value`."))
    # A blank block still has a place that a missing key can be reported at.
    return mapping({}, node.origin) if node is not None else None


def _own_fields(block: MappingNode | None, name: str, errors: list[Diagnostic]) -> MappingNode | None:
    """The fields of an environment without its name, which is an error; what is below it is checked all the same."""
    if block is None or name not in block.entries or name in key_places():
        return block
    entries = dict(block.entries)
    repeated = entries.pop(name)
    errors.append(_repeated(name, repeated))
    if isinstance(repeated.node, MappingNode):
        entries = {**repeated.node.entries, **entries}
    return mapping(entries, block.origin)


def _repeated(name: str, entry: Entry) -> Diagnostic:
    file = entry.key_origin.file
    what = f"{file} has the fields of `{name}` already" if "/" in file else f"This is the block of `{name}` already"
    message = f"`{name}` is repeated: {what}, without its name."
    is_filled = isinstance(entry.node, MappingNode) and entry.node.entries
    fix = f"Remove the line `{name}:`, and move the lines below it up one level." if is_filled else "Remove the line."
    return diagnostic_types.UNKNOWN_KEY.at(entry.key_origin, message, key_path=name, fix=fix)


def _unread_overlays(project: Path) -> tuple[Diagnostic, ...]:
    return tuple(
        diagnostic_types.OVERLAY_UNREAD.at(
            Origin(f"{OVERLAY_FOLDER}/{path.name}"), "The file ends in `.yml` and is not read; overlays end in `.yaml`."
        )
        for path in sorted((project / OVERLAY_FOLDER).glob("*.yml"))
    )
