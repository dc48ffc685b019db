"""Artifacts: changed images, layers, function code, web application and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lisa_compiler.review.differences import shown
from lisa_compiler.review.formatting import join_list, pluralize
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output

_BASE = "BASE_IMAGE"
_NAMED = 3
"""Files that a line names; further ones are counted."""

_PRODUCTS = {
    "functions": "The code of the Lambda function `{name}` changes.",
    "layers": "The Lambda layer `{name}` is rebuilt.",
    "web": "The chat application changes.",
}


def compare_artifacts(before: Output, after: Output) -> Iterator[Impact]:
    """Find changed code and weights."""
    yield from _images(before, after)
    for product in sorted(before.products.keys() & after.products.keys()):
        group, _, name = product.partition("/")
        if group in _PRODUCTS and before.products[product] != after.products[product]:
            yield Impact(ImpactCategory.CODE_CHANGED, _PRODUCTS[group].format(name=name))
    yield from _weights(before, after)


def _images(before: Output, after: Output) -> Iterator[Impact]:
    for name, arguments in after.images.items():
        if name not in before.images:
            continue
        old, new = before.images[name].get(_BASE), arguments.get(_BASE)
        parts = [f"on `{new}` instead of `{old}`"] if old != new else []
        others = sorted(
            key for key in {*before.images[name], *arguments} - {_BASE} if _differs(key, before, after, name)
        )
        parts += [f"with a changed build argument {join_list(f'`{key}`' for key in others)}"] if others else []
        product = f"containers/{name}"
        parts += (
            [_files(files)] if (files := _changed(before, after, f"{product}/", both=product in after.products)) else []
        )
        if not parts and before.image_digests.get(name) != after.image_digests.get(name):
            parts.append("with a change of LISA's own code")
        if parts:
            yield Impact(ImpactCategory.CODE_CHANGED, f"The image `{name}` is rebuilt: {', '.join(parts)}.")


def _differs(key: str, before: Output, after: Output, name: str) -> bool:
    return bool(before.images[name].get(key) != after.images[name].get(key))


def _weights(before: Output, after: Output) -> Iterator[Impact]:
    for model in after.weights:
        if model not in before.weights:
            continue
        old, new = before.weights[model], after.weights[model]
        if _content(old) != _content(new):
            yield Impact(ImpactCategory.CODE_CHANGED, f"Weights of `{model}` changed: {_state(old)} → {_state(new)}.")
        elif _location(old) != _location(new):
            text = f"Weights of `{model}` are now loaded from `{shown(new.get('location'))}`."
            yield Impact(ImpactCategory.CODE_CHANGED, f"{text} Stage them there before you deploy.")


def changed_weights(before: Output | None, after: Output) -> tuple[str, ...]:
    """Names of the models and adapters whose staged weights are new or have other content, sorted."""
    known = before.weights if before is not None else {}
    return tuple(
        model
        for model, new in sorted(after.weights.items())
        if new.get("status") == "staged" and (model not in known or _content(known[model]) != _content(new))
    )


def _content(weights: Mapping[str, Any]) -> tuple[Any, Any]:
    return weights.get("status"), weights.get("files")


def _location(weights: Mapping[str, Any]) -> str:
    """Where the files are; output of an older LISA has a slash at the end."""
    return str(weights.get("location", "")).rstrip("/")


def _state(weights: Mapping[str, Any]) -> str:
    size = sum(int(file.get("size", 0)) for file in weights.get("files", ()))
    revision = f" at {str(weights['revision'])[:12]}" if weights.get("revision") else ""
    return f"{size / 1e9:.1f} GB{revision}" if size else str(weights.get("status", "unknown"))


def _changed(before: Output, after: Output, folder: str, *, both: bool) -> list[str]:
    """Files below a folder that differ; nothing when a side lacks the folder.

    Args:
        before: one side.
        after: the other side.
        folder: the folder, with a slash at its end.
        both: whether to leave out files that only one side has: output once held a copy of LISA's own code.
    """
    sides = [
        {path: digest for path, digest in output.digests.items() if path.startswith(folder)}
        for output in (before, after)
    ]
    if not all(sides):
        return []
    old, new = sides
    names = old.keys() & new.keys() if both and not before.products else old.keys() | new.keys()
    return sorted(path for path in names if old.get(path) != new.get(path))


def _files(paths: list[str]) -> str:
    names = [f"`{path.split('/', 1)[1]}`" for path in paths[:_NAMED]]
    if len(paths) > _NAMED:
        names.append(f"{len(paths) - _NAMED} more")
    return f"{pluralize(len(paths), 'file')} ({join_list(names)})"
