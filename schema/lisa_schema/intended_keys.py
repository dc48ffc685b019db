"""The key, block or choice that a misspelt or misplaced one stands for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Final

from lisa_schema.document import Path
from lisa_schema.effective import Schema, key_places


def nearest_choice(value: str, choices: Sequence[str]) -> str | None:
    """Return the choice that a value is near to; None when there is none, or several."""
    wanted = fold(value)
    folded = {fold(choice): choice for choice in choices}
    parts = [choice for choice in folded if len(wanted) > 3 and wanted in choice]
    near = [wanted] if wanted in folded else parts or difflib.get_close_matches(wanted, list(folded), 1, cutoff=0.7)
    return folded[near[0]] if len(near) == 1 else None


_MODEL: Final[Path] = ("ecsModels", "[]")
_MEANT: Final[Mapping[Path, Mapping[str, str]]] = {
    (*_MODEL, "adapters", "[]"): {
        **dict.fromkeys(
            ("modelname", "model", "path", "source", "repository", "repo", "adapter", "lora", "localpath", "loraname"),
            "weights",
        ),
        **dict.fromkeys(("lorapath", "adapterpath", "weightspath", "basemodel", "uri", "s3path"), "weights"),
        **dict.fromkeys(("id", "modelid", "adaptername", "adapterid", "servedmodelname"), "name"),
    },
    _MODEL: {
        **dict.fromkeys(("model", "name", "huggingfaceid", "hfmodelid", "repository"), "modelName"),
        **dict.fromkeys(("id", "servedmodelname"), "modelId"),
        **dict.fromkeys(("args", "arguments", "extraargs", "vllmargs", "enginearguments", "command"), "serverArgs"),
        **dict.fromkeys(("engine", "container", "server", "runtime"), "inferenceContainer"),
        **dict.fromkeys(("loras", "loramodules", "loraadapters"), "adapters"),
    },
}
"""Keys that say the same in other words, folded, by block."""


def meant_key(key: str, path: Path) -> str | None:
    """Return the key of a block that says the same as an unknown key in other words; None when there is none."""
    return _MEANT.get(block_of(path), {}).get(fold(key))


def intended_key(key: str, schema: Schema) -> str | None:
    """Return the key of a block that an unknown key is near to; None when there is none."""
    known = list(schema.get("properties", {}))
    folded = {fold(name): name for name in known}
    if fold(key) in folded:
        return str(folded[fold(key)])
    near = difflib.get_close_matches(fold(key), list(folded), 1, cutoff=0.8)
    return str(folded[near[0]]) if near else None


def home_block(key: str, path: Path) -> str | None:
    """Return the block that a key belongs to, the nearest to where it was written; None when it is no key anywhere."""
    here = block_of(path)
    homes = [place for place in key_places().get(key, ()) if place != here]
    if not homes:
        return None

    def distance(place: tuple[str, ...]) -> tuple[int, int]:
        shared = next(
            (i for i, (a, b) in enumerate(zip(place, here, strict=False)) if a != b), min(len(place), len(here))
        )
        return (len(place) - shared) + (len(here) - shared), len(place)

    home = min(homes, key=distance)
    if home[: len(here)] == here and here:
        return ".".join(home[len(here) :]).replace(".[]", "[]")
    return ".".join(home).replace(".[]", "[]")


def block_of(path: Path) -> tuple[str, ...]:
    """Return the key path of a block with `[]` for each index, as `key_places` names it."""
    return tuple("[]" if isinstance(step, int) else step for step in path)


def fold(key: str) -> str:
    """Return the letters and digits of a key, in one case."""
    return "".join(filter(str.isalnum, key)).casefold()
