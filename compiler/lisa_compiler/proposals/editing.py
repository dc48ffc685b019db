"""Where in the configuration files a proposal belongs, and the change made there.

Layers are, from the lowest: `base` and the environment's block in config.yaml, and environments/<env>.yaml. A model is
changed in the highest layer of the environment's own that has it, else in a new entry that merges over the one below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lisa_compiler.project.paths import CONFIG_FILE, OVERLAY_FOLDER
from lisa_compiler.proposals.proposal import Proposal, ProposalAction, ProposalError
from lisa_compiler.proposals.trailing_comments import (
    attach_trailing_comments,
    detach_trailing_comments,
    drop,
    put_first,
)
from lisa_compiler.proposals.yaml_file import YamlFile

_MODELS = "ecsModels"
_NAMES = ("modelName", "modelId")


@dataclass(frozen=True)
class _Layer:
    """A mapping that holds a layer, and the file that it is in; `own` is what other environments do not share."""

    file: YamlFile
    block: CommentedMap
    own: bool

    def models(self) -> list[CommentedMap]:
        """The entries of `ecsModels`."""
        found = self.block.get(_MODELS)
        return [entry for entry in found if isinstance(entry, CommentedMap)] if isinstance(found, list) else []

    def find(self, change: Mapping[str, Any]) -> CommentedMap | None:
        """The entry that a change means, by its modelId, else by its modelName."""
        return next((entry for entry in self.models() if _matches(entry, change)), None)

    def add(self, entry: CommentedMap) -> None:
        """Add an entry at the end of the list."""
        is_new = not isinstance(self.block.get(_MODELS), list)
        before = self.block if is_new else self.block[_MODELS]
        tail = detach_trailing_comments(before)
        if is_new:
            self.block[_MODELS] = CommentedSeq()
        self.block[_MODELS].append(entry)
        attach_trailing_comments(before, tail)

    def remove(self, entry: CommentedMap) -> None:
        """Take an entry away, with the comment before it; that of the next one stays."""
        models = self.block[_MODELS]
        position = models.index(entry)
        tail = detach_trailing_comments(entry)
        del models[position]
        if position:
            attach_trailing_comments(models[position - 1], tail)
        elif models:
            put_first(self.block, _MODELS, tail)
        else:
            drop(self.block, _MODELS, tail)


def apply_to_file(project: Path, environment: str, proposal: Proposal) -> YamlFile:
    """The file that a proposal changes, changed in memory.

    Raises:
        ProposalError: a file cannot be read, or the model is there already, or nowhere.
    """
    layers = _layers(project, environment)
    own = [layer for layer in layers if layer.own]
    holders = [layer for layer in layers if layer.find(proposal.change) is not None]
    if proposal.kind is ProposalAction.CREATE:
        if holders:
            raise ProposalError(f"The model {proposal.model_id} is already in {holders[-1].file.path}.")
        own[-1].add(_plain(proposal.change))
        return own[-1].file
    if not holders:
        raise ProposalError(f"The model {proposal.model_id} is not configured in the environment {environment}.")
    target = holders[-1] if holders[-1].own else own[-1]
    entry = target.find(proposal.change)
    if entry is None:
        target.add(_plain(proposal.change))
    elif proposal.kind is ProposalAction.DELETE and len(holders) == 1:
        target.remove(entry)
    else:
        changes = {key: value for key, value in proposal.change.items() if key not in _NAMES}
        tail = detach_trailing_comments(entry)
        _merge(entry, changes, keep_null=len(holders) > 1)
        attach_trailing_comments(entry, tail)
    return target.file


def _layers(project: Path, environment: str) -> list[_Layer]:
    """The layers that there are, from the lowest; the last is the environment's own, made when there is none."""
    config = YamlFile(CONFIG_FILE, _text(project / CONFIG_FILE))
    overlay_path = f"{OVERLAY_FOLDER}/{environment}.yaml"
    overlay = YamlFile(overlay_path, _text(project / overlay_path))
    found = []
    for name, own in (("base", False), (environment, True)):
        if isinstance(block := config.root.get(name), CommentedMap):
            found.append(_Layer(config, block, own=own))
    if overlay.before or not any(layer.own for layer in found):
        found.append(_Layer(overlay, overlay.root, own=True))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProposalError(f"{path.name} cannot be read: {error}.") from error


def _matches(entry: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    wanted = change.get("modelId") or change["modelName"]
    return bool((entry.get("modelId") or entry.get("modelName")) == wanted)


def _merge(target: CommentedMap, changes: Mapping[str, Any], *, keep_null: bool) -> None:
    """Merge deeply. Null removes a key, unless a layer below may have it too: there the null itself takes it back."""
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), CommentedMap):
            _merge(target[key], value, keep_null=keep_null)
        elif value is None and not keep_null:
            target.pop(key, None)
        else:
            target[key] = _plain(value)


def _plain(value: Any) -> Any:
    """Plain data as what is written in the style of the file."""
    if isinstance(value, Mapping):
        return CommentedMap((key, _plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return CommentedSeq(_plain(item) for item in value)
    return value
