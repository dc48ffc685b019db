"""Among how many GPUs the arguments and variables of vLLM, SGLang and text-generation-inference split a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lisa_schema.server_arguments import option_name, split_words
from lisa_schema.vllm_options import read_options

_NUM_SHARD: Final = "num-shard"
_SHARDED: Final = "sharded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelSizes:
    """Among how many GPUs a model is split.

    Attributes:
        tensor: GPUs that share each layer; None leaves it to LISA's entrypoint, which counts those of the instance.
        others: how often that many GPUs are needed: stages and copies of the model.
    """

    tensor: int | None = None
    others: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """Shards of text-generation-inference.

    Attributes:
        count: of the last setting; None without one that can be read.
        source: what sets it: `NUM_SHARD`, `SERVER_ARGS` or `serverArgs`.
        is_sharded: of `--sharded` or SHARDED; None without one.
    """

    count: int | None = None
    source: str = "NUM_SHARD"
    is_sharded: bool | None = None

    @property
    def name(self) -> str:
        """How a message names the setting."""
        return self.source if self.source == "NUM_SHARD" else f"`--num-shard` in {self.source}"


def parallel_sizes(
    container: str, environment: Mapping[str, str], server_args: Iterable[str] = ()
) -> ParallelSizes | None:
    """Read the parallel sizes of a model's server.

    Args:
        container: an inference container.
        environment: variables of the container.
        server_args: additional arguments, each one word.

    Returns:
        The sizes; None for a container that splits no model, and where the number of instances is set.
    """
    if container == "tgi":
        shards = read_shards(environment, server_args)
        return ParallelSizes(tensor=1 if shards.count is None and shards.is_sharded is False else shards.count)
    if container not in ("vllm", "sglang"):
        return None
    options = read_options(environment, server_args)
    if any(reason.startswith("`--nnodes`") for reason in options.unmodeled):
        return None
    copies = 1 if container == "sglang" and options.shares_data_parallel else options.data_parallel
    return ParallelSizes(tensor=options.tensor_parallel, others=options.pipeline_parallel * copies)


def read_shards(environment: Mapping[str, str], server_args: Iterable[str] = ()) -> Shards:
    """Read the shards that text-generation-inference makes; arguments win over variables."""
    found: dict[str, tuple[str, str]] = {}
    for name in ("NUM_SHARD", "SHARDED"):
        if value := environment.get(name, "").strip():
            found[name.lower().replace("_", "-")] = (value, name)
    for source, words in (
        ("SERVER_ARGS", split_words(environment.get("SERVER_ARGS", ""))),
        ("serverArgs", list(server_args)),
    ):
        for word, following in zip(words, [*words[1:], ""], strict=False):
            option, mark, value = word.partition("=")
            if option_name(option) in (_NUM_SHARD, _SHARDED):
                found[str(option_name(option))] = (value if mark else following, source)
    count, source = found.get(_NUM_SHARD, ("", "NUM_SHARD"))
    sharded = found.get(_SHARDED, ("", ""))[0]
    return Shards(
        count=int(count) if count.isdecimal() and int(count) > 0 else None,
        source=source,
        is_sharded={"true": True, "false": False}.get(sharded),
    )
