"""Whether an adapter fits a base model: every module that it changes is there, with the shape that its factors have.

Names are compared without the prefixes that classes of the same model add or drop. A base whose weights are packed, as
quantized ones are, is compared by names alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from lisa_weights.adapters.settings import AdapterSettings
from lisa_weights.adapters.tensors import AdapterModules
from lisa_weights.safetensors.layout import read_file
from lisa_weights.safetensors.tensors import Dtype

_CLASS_PREFIX = re.compile(r"^(?:(?:model|language_model|text_model|transformer|decoder)\.)+")
_PARAMETER = re.compile(r"(?P<module>.+)\.(?P<parameter>[^.]+)")
_FLOATS = frozenset({Dtype.F64, Dtype.F32, Dtype.F16, Dtype.BF16, Dtype.F8_E4M3, Dtype.F8_E5M2})
_HEAD = "lm_head"
_EMBEDDING = "embed_tokens"
_SHOWN = 3

Shapes = Mapping[str, tuple[int, ...] | None]
"""The weight's shape of each module of a base model, by name without class prefixes; None where it is packed."""


def base_shapes(directory: Path, weights: Iterable[str]) -> Shapes:
    """Read the modules of a base model from the headers of its safetensors.

    Args:
        directory: the model's.
        weights: names of its safetensors.

    Raises:
        WeightsError: a file cannot be read.
    """
    found: dict[str, tuple[int, ...] | None] = {}
    for name in weights:
        for tensor in read_file(directory / name).tensors:
            if (match := _PARAMETER.fullmatch(tensor.name)) is None:
                continue
            module = _plain(match["module"])
            is_weight = match["parameter"] == "weight" and tensor.dtype in _FLOATS
            found[module] = tensor.shape if is_weight else found.get(module)
    return found


def misfits(modules: AdapterModules, settings: AdapterSettings, base: Shapes) -> tuple[str, ...]:
    """Describe what an adapter changes and a base model does not have, each a clause without a full stop.

    Args:
        modules: the adapter's.
        settings: of its adapter_config.json.
        base: the base model's.
    """
    missing, wrong = [], []
    without_class = {name.partition(".")[2]: name for name in base}
    for name, module in sorted(modules.modules.items()):
        plain = _in_base(_plain(name), base, without_class)
        if plain is None:
            missing.append(name)
            continue
        shape = base.get(plain)
        sides = (module.outputs, module.inputs)
        expected = sides[::-1] if settings.transposed and not plain.endswith(_EMBEDDING) else sides
        if shape is not None and shape != expected:
            wrong.append(f"{name} is {_shape(expected)} in the adapter and {_shape(shape)} in the base model")
    for name, kept in sorted(modules.kept.items()):
        shape = base.get(_plain(name))
        if shape is not None and shape != kept:
            wrong.append(f"{name} is {_shape(kept)} in the adapter and {_shape(shape)} in the base model")
    return (*([f"the base model lacks {_listed(missing)}"] if missing else []), *_first(wrong))


def _in_base(plain: str, base: Shapes, without_class: Mapping[str, str]) -> str | None:
    """The name of a module in the base model, where one side may have one more prefix; None where it has none."""
    if plain in base:
        return plain
    if plain == _HEAD:
        return _EMBEDDING  # tied to the embedding, which may have another name
    shorter = _plain(plain.partition(".")[2])
    return without_class.get(plain) or (shorter if shorter in base else None)


def _plain(module: str) -> str:
    return _CLASS_PREFIX.sub("", module)


def _shape(shape: tuple[int | None, ...]) -> str:
    return " by ".join(map(str, shape))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 1} more modules of the adapter" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def _first(problems: list[str]) -> list[str]:
    more = [f"{len(problems) - _SHOWN} more modules differ"] if len(problems) > _SHOWN else []
    return [*problems[:_SHOWN], *more]
