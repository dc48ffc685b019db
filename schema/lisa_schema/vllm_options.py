"""Options of vLLM's server, and parallel sizes of SGLang's, as a model's environment and server arguments set them.

The variables are translated by templates/containers/vllm/entrypoint.sh.j2; arguments come last and win. The names and
forms of values are those of EngineArgs and FlexibleArgumentParser (vLLM 0.9 to 0.33).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lisa_schema.server_arguments import split_words
from lisa_schema.unmodeled_options import UNMODELED
from lisa_schema.vllm_arguments import FLAGS, read_arguments
from lisa_schema.vllm_numbers import count_of, share_of

if TYPE_CHECKING:
    from lisa_schema.document import Path
    from lisa_schema.models import EcsModel

SERVER_ARGUMENTS: Final = "serverArgs"
"""The key of a model that lists arguments of its server."""

VARIABLES: Final = {
    "MAX_TOTAL_TOKENS": "max-model-len",
    "MAX_CONCURRENT_REQUESTS": "max-num-seqs",
    "QUANTIZE": "quantization",
    "DTYPE": "dtype",
    "TENSOR_PARALLEL_SIZE": "tensor-parallel-size",
    "GPU_MEMORY_UTILIZATION": "gpu-memory-utilization",
}
"""Options that variables of the container set, by variable."""

_VARIABLE_OF: Final = {option: variable for variable, option in VARIABLES.items()}
_WORDS: Final = "SERVER_ARGS"
_HUMAN_COUNTS: Final = frozenset({"max-model-len", "max-num-batched-tokens", "kv-cache-memory-bytes"})
"""Counts that may be written as `32k`."""

_CACHE_DTYPES: Final = frozenset(
    {"auto", "float16", "bfloat16", "float32", "half", "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc", "fp8_ds_mla"}
)
"""Dtypes of the KV cache whose bytes are known; newer ones store scales beside the values."""

_COUNTS: Final = frozenset(
    {
        "max-model-len",
        "max-num-seqs",
        "max-num-batched-tokens",
        "tensor-parallel-size",
        "pipeline-parallel-size",
        "data-parallel-size",
        "block-size",
        "kv-cache-memory-bytes",
        "max-loras",
        "max-lora-rank",
        "max-cpu-loras",
    }
)
_TEXTS: Final = frozenset({"dtype", "quantization", "kv-cache-dtype", "lora-dtype"})
_CHANGES_POSITIONS: Final = frozenset({"hf-overrides", "rope-scaling", "config"})
_LORA: Final = frozenset({"enable-lora", "fully-sharded-loras", "lora-target-modules"})
_KNOWN: Final = frozenset({*_COUNTS, *_TEXTS, *UNMODELED, *_LORA, "gpu-memory-utilization"})
_DTYPES: Final = {"half": "float16", "float": "float32"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraOptions:
    """Options of vLLM for LoRA adapters; None leaves an option to LISA's entrypoint, and to vLLM's default after it.

    Attributes:
        is_enabled: whether the arguments enable adapters, which LISA's entrypoint does for those of the configuration.
        slots: most adapters on the GPU at a time.
        rank: highest rank of an adapter.
        in_memory: most adapters in the host's memory.
        dtype: `auto` for the model's, `float16` or `bfloat16`.
        is_fully_sharded: whether tensor parallelism splits both factors of an adapter.
        is_restricted: whether only some of the modules can be changed.
    """

    is_enabled: bool = False
    slots: int | None = None
    rank: int | None = None
    in_memory: int | None = None
    dtype: str = "auto"
    is_fully_sharded: bool = False
    is_restricted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmOptions:
    """Options of vLLM that decide how much memory it needs; None leaves an option to vLLM's default.

    Attributes:
        max_model_len: longest sequence in tokens; None for the model's own.
        fits_context: whether vLLM shortens the sequence to what fits (`--max-model-len auto`).
        max_num_seqs: most sequences at a time.
        max_num_batched_tokens: most tokens of a step.
        dtype: `auto`, `float16`, `bfloat16` or `float32`.
        quantization: a quantization method.
        kv_cache_dtype: dtype of the KV cache.
        gpu_memory_utilization: share of a GPU's memory.
        tensor_parallel: GPUs that share each layer; None for all GPUs of the instance.
        pipeline_parallel: GPUs that share the layers.
        data_parallel: copies of the model.
        shares_data_parallel: whether copies of SGLang's attention layers share the GPUs (`--enable-dp-attention`).
        enforce_eager: whether CUDA graphs are disabled.
        block_size: tokens of a block of the KV cache.
        kv_cache_memory_bytes: memory of the KV cache, instead of what is left.
        allows_long_context: whether a sequence may be longer than the model's positions.
        lora: options for LoRA adapters.
        unmodeled: reasons why memory cannot be computed, as clauses; empty when it can.
        sources: the variable that sets an option, by the option's name; `SERVER_ARGS` or `serverArgs` for arguments.
    """

    max_model_len: int | None = None
    fits_context: bool = False
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    dtype: str = "auto"
    quantization: str | None = None
    kv_cache_dtype: str = "auto"
    gpu_memory_utilization: float | None = None
    tensor_parallel: int | None = None
    pipeline_parallel: int = 1
    data_parallel: int = 1
    shares_data_parallel: bool = False
    enforce_eager: bool = False
    block_size: int | None = None
    kv_cache_memory_bytes: int | None = None
    allows_long_context: bool = False
    lora: LoraOptions = LoraOptions()
    unmodeled: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    def setting(self, option: str) -> str:
        """Name what sets an option: its variable, or the argument with the place that it is in.

        An option that nothing sets is named by its variable, or without one as an argument.
        """
        name = self.name_of(option)
        return f"`{name}` in {self.sources.get(option, SERVER_ARGUMENTS)}" if name.startswith("--") else name

    def name_of(self, option: str) -> str:
        """Return what to write to set an option: `--max-model-len` where an argument sets it, else its variable."""
        is_argument = self.sources.get(option) in (SERVER_ARGUMENTS, _WORDS)
        return f"--{option}" if is_argument else _VARIABLE_OF.get(option, f"--{option}")


def read_options(environment: Mapping[str, str], server_args: Iterable[str] = ()) -> VllmOptions:
    """Read the options that a container's environment and its list of additional arguments set.

    Args:
        environment: variables of the container; `SERVER_ARGS` is split as the entrypoint splits it.
        server_args: additional arguments, each one word.
    """
    found: dict[str, str | None] = {}
    sources: dict[str, str] = {}
    for name, option in VARIABLES.items():
        if value := environment.get(name, "").strip():
            if option == "quantization" and value.startswith("bitsandbytes"):
                value = "bitsandbytes"
            found[option] = value
            sources[option] = name
    for source, words in (
        (_WORDS, split_words(environment.get(_WORDS, ""))),
        (SERVER_ARGUMENTS, list(server_args)),
    ):
        for option, argument in read_arguments(words):
            if option.startswith("no-") and option[3:] in FLAGS:
                found.pop(option[3:], None)
                continue
            found[option] = argument
            sources[option] = source
    return _options(found, sources, environment)


def options_of(model: EcsModel) -> VllmOptions:
    """Read the options of a configured model."""
    return read_options(model.container_config.environment, model.server_args)


def option_path(model: Path, source: str) -> Path:
    """Return the key that sets an option: a variable of the container, or the list of arguments.

    Args:
        model: the key of the model.
        source: what `sources` names for the option.
    """
    return (*model, source) if source == SERVER_ARGUMENTS else (*model, "containerConfig", "environment", source)


def is_reference(value: str) -> bool:
    """Return whether a value is the ARN of a secret or parameter, whose content is unknown here."""
    return value.startswith("arn:")


def _options(
    found: Mapping[str, str | None], sources: Mapping[str, str], environment: Mapping[str, str]
) -> VllmOptions:
    unmodeled = [f"`--{option}`: {reason}" for option, reason in UNMODELED.items() if option in found]
    unmodeled += [f"`--{option}` is an abbreviation" for option in found if _is_abbreviation(option)]
    counts: dict[str, int | None] = {}
    for option in _COUNTS & found.keys():
        text = found[option] or ""
        counts[option] = count_of(text, is_human=option in _HUMAN_COUNTS)
        if counts[option] is None:
            unmodeled.append(_unreadable(option, text))
    texts = {option: (found[option] or "").lower() for option in _TEXTS & found.keys()}
    unmodeled += [_unreadable(option, text) for option, text in texts.items() if not text or is_reference(text)]
    cache = texts.get("kv-cache-dtype", "auto")
    if cache not in _CACHE_DTYPES and cache and not is_reference(cache):
        unmodeled.append(f"`--kv-cache-dtype {cache}`: its bytes are not known")
    utilization = None
    if "gpu-memory-utilization" in found:
        text = found["gpu-memory-utilization"] or ""
        utilization = share_of(text)
        if utilization is None:
            unmodeled.append(_unreadable("gpu-memory-utilization", text))
    if environment.get("VLLM_USE_V1", "1").strip() == "0":
        unmodeled.append("`VLLM_USE_V1` selects vLLM's old engine")
    if (counts.get("data-parallel-size") or 1) > 1:
        unmodeled.append("`--data-parallel-size`: several copies of the model are served")
    length = counts.get("max-model-len")
    quantization = texts.get("quantization")
    return VllmOptions(
        max_model_len=None if length == -1 else length,
        fits_context=length == -1,
        max_num_seqs=counts.get("max-num-seqs"),
        max_num_batched_tokens=counts.get("max-num-batched-tokens"),
        dtype=_DTYPES.get(texts.get("dtype", "auto"), texts.get("dtype", "auto")),
        quantization=None if quantization in (None, "", "none") else quantization,
        kv_cache_dtype=texts.get("kv-cache-dtype", "auto"),
        gpu_memory_utilization=utilization,
        tensor_parallel=counts.get("tensor-parallel-size"),
        pipeline_parallel=counts.get("pipeline-parallel-size") or 1,
        data_parallel=counts.get("data-parallel-size") or 1,
        shares_data_parallel=_is_set(found, "enable-dp-attention"),
        enforce_eager=_is_set(found, "enforce-eager"),
        block_size=counts.get("block-size"),
        kv_cache_memory_bytes=counts.get("kv-cache-memory-bytes"),
        allows_long_context=not _CHANGES_POSITIONS.isdisjoint(found)
        or environment.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "").strip().lower() in ("1", "true"),
        lora=LoraOptions(
            is_enabled=_is_set(found, "enable-lora"),
            slots=counts.get("max-loras"),
            rank=counts.get("max-lora-rank"),
            in_memory=counts.get("max-cpu-loras"),
            dtype=_DTYPES.get(texts.get("lora-dtype", "auto"), texts.get("lora-dtype", "auto")),
            is_fully_sharded=_is_set(found, "fully-sharded-loras"),
            is_restricted="lora-target-modules" in found,
        ),
        unmodeled=tuple(sorted(unmodeled)),
        sources=dict(sources),
    )


def _is_set(found: Mapping[str, str | None], option: str) -> bool:
    """Return whether a flag is given."""
    return option in found and found[option] not in ("false", "False")


def _is_abbreviation(option: str) -> bool:
    """Return whether an option is the beginning of one that changes memory, which vLLM completes."""
    return option not in _KNOWN and len(option) > 3 and any(known.startswith(option) for known in _KNOWN)


def _unreadable(option: str, text: str) -> str:
    if is_reference(text):
        return f"`--{option}` is the value of a secret or parameter"
    return f"`--{option}` has no readable value"
