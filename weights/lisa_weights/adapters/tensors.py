"""The tensors of a LoRA adapter: two factors for each module of the base model that it changes.

Source: PEFT's save_pretrained (`base_model.model.<module>.lora_A.weight`), vLLM's parse_fine_tuned_lora_name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lisa_weights.adapters.settings import AdapterSettings
from lisa_weights.safetensors.tensors import TensorInfo

_PREFIX = "base_model.model."
_FACTOR = re.compile(r"(?P<module>.+)\.(?:lora_(?P<linear>[AB])\.weight|lora_embedding_(?P<embedding>[AB]))")
_KEPT = re.compile(r"(?P<module>.+\.(?:embed_tokens|lm_head))\.base_layer\.weight")
_HEAD = re.compile(r"(?:.+\.)?(?:classifier|score)\.(?:weight|bias)")
_QUANTIFIERS = frozenset("*+?{")
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterModule:
    """One module that an adapter changes.

    Attributes:
        name: as the base model names it.
        inputs: columns of its weight; None where the factor A is missing.
        outputs: rows of its weight; None where the factor B is missing.
        ranks: of the factors that there are.
    """

    name: str
    inputs: int | None
    outputs: int | None
    ranks: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterModules:
    """What the tensors of an adapter are.

    Attributes:
        modules: by name, those of mixture-of-experts layers excluded, whose factors are stacked.
        kept: shape of each embedding of the base model that PEFT saved with the adapter and that vLLM ignores.
        stacked: names of modules with stacked factors, which are not compared.
        problems: tensors that are not of an adapter, each a clause without a full stop.
    """

    modules: Mapping[str, AdapterModule]
    kept: Mapping[str, tuple[int, ...]]
    stacked: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Factors:
    inputs: int | None = None
    outputs: int | None = None
    ranks: list[int] = field(default_factory=list)


def find_modules(tensors: Iterable[TensorInfo], settings: AdapterSettings) -> AdapterModules:
    """Find the modules of an adapter, and check that each has both factors of the rank that is specified.

    Args:
        tensors: of adapter_model.safetensors.
        settings: of its adapter_config.json.
    """
    found: dict[str, _Factors] = {}
    kept: dict[str, tuple[int, ...]] = {}
    stacked: set[str] = set()
    unknown: list[str] = []
    for tensor in tensors:
        name = tensor.name.removeprefix(_PREFIX)
        if embedding := _KEPT.fullmatch(name):
            kept[embedding["module"]] = tensor.shape
        elif (match := _FACTOR.fullmatch(name)) is None:
            if not _HEAD.fullmatch(name):
                unknown.append(tensor.name)
        elif ".experts" in match["module"] or len(tensor.shape) != 2:
            stacked.add(match["module"])
        else:
            _add(found.setdefault(match["module"], _Factors()), match, tensor.shape)
    modules = {
        name: AdapterModule(name=name, inputs=one.inputs, outputs=one.outputs, ranks=tuple(one.ranks))
        for name, one in found.items()
    }
    problems = [*_unknown(unknown), *_incomplete(modules, settings)]
    if not modules and not stacked and not unknown:
        problems.append("it has no LoRA tensors (`lora_A`, `lora_B`): save the adapter again with PEFT")
    return AdapterModules(modules=modules, kept=kept, stacked=tuple(sorted(stacked)), problems=tuple(problems))


def _add(factors: _Factors, match: re.Match[str], shape: tuple[int, ...]) -> None:
    """Take the sizes of a factor.

    Linear factors are A (rank, inputs) and B (outputs, rank); those of embeddings A (rank, rows) and B (columns, rank),
    and the weight is (rows, columns), so that the rows count as outputs.
    """
    factor = match["linear"] or match["embedding"]
    rank, size = shape if factor == "A" else shape[::-1]
    factors.ranks.append(rank)
    if (factor == "A") == bool(match["linear"]):
        factors.inputs = size
    else:
        factors.outputs = size


def _unknown(names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return [f"{names[0]}{more} is not a LoRA tensor, and vLLM rejects it: save the adapter again with PEFT"]


def _incomplete(modules: Mapping[str, AdapterModule], settings: AdapterSettings) -> list[str]:
    problems = []
    for name, module in sorted(modules.items()):
        expected = _rank_of(name, settings)
        if module.inputs is None or module.outputs is None:
            problems.append(f"{name} has one of the two LoRA tensors: download the adapter again")
        elif set(module.ranks) != {expected} and expected:
            ranks = ", ".join(map(str, sorted(set(module.ranks))))
            problems.append(
                f"{name} has rank {ranks}, and adapter_config.json specifies {expected}: use the adapter_config.json of"
                " these tensors"
            )
    more = [f"{len(problems) - _SHOWN} more modules have such problems"] if len(problems) > _SHOWN else []
    return [*problems[:_SHOWN], *more]


def _rank_of(module: str, settings: AdapterSettings) -> int:
    """The rank of a module: that of the first pattern that its name ends with (PEFT's get_pattern_key); 0 for unknown.

    A pattern with quantifiers is not evaluated: it could take forever.
    """
    for pattern, rank in settings.ranks.items():
        if _QUANTIFIERS.intersection(pattern):
            return 0
        try:
            if re.fullmatch(rf"(.*\.)?({pattern})", module):
                return rank
        except re.error:
            return 0
    return settings.default_rank
