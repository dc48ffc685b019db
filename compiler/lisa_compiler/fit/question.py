"""What is asked: a model on an instance type, with an engine and its options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lisa_schema.gpus import Gpu, gpu_of, has_nvlink
from lisa_schema.parallel_sizes import Shards
from lisa_schema.vllm_options import VllmOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.fit.adapters import Adapters
    from lisa_compiler.fit.facts import ModelFacts
    from lisa_schema.instances import InstanceType


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerators:
    """The GPUs of an instance.

    Attributes:
        gpu: the kind of GPU.
        count: how many.
        nvlink: whether they are connected by NVLink or NVSwitch.
    """

    gpu: Gpu
    count: int
    nvlink: bool

    @classmethod
    def of(cls, host: InstanceType) -> Accelerators | None:
        """The GPUs of an instance type; None without an NVIDIA GPU."""
        gpu = gpu_of(host)
        return None if gpu is None else cls(gpu=gpu, count=host.gpus, nvlink=has_nvlink(host))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether a model fits.

    Attributes:
        facts: what is known about the model.
        engine: `vllm`, `tgi`, `tei` or another value of `inferenceContainer`.
        version: the engine's version; None when it is unknown.
        image_suffix: what follows the version in the image's tag, such as `-cu129`.
        accelerators: the GPUs; None without an NVIDIA GPU.
        options: vLLM's options.
        adapters: its LoRA adapters; None without any.
        environment: variables of the container, for the other engines; of TGI and TEI with the arguments, which win.
        shards: the shards that text-generation-inference makes.
        requires_gpu: whether the engine certainly cannot run without an NVIDIA GPU: by the image that is asked about.
        is_pooling: whether the model computes embeddings, for which vLLM profiles no sampler.
        concurrency: sequences of the full length that must fit at the same time.
    """

    facts: ModelFacts
    engine: str
    version: tuple[int, ...] | None
    accelerators: Accelerators | None
    image_suffix: str = ""
    options: VllmOptions = field(default_factory=VllmOptions)
    adapters: Adapters | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    shards: Shards = field(default_factory=Shards)
    requires_gpu: bool = False
    is_pooling: bool = False
    concurrency: int = 1

    @property
    def tensor_parallel(self) -> int:
        """GPUs that share each layer: all of them, unless it is configured."""
        return self.options.tensor_parallel or (self.accelerators.count if self.accelerators else 1)

    @property
    def gpus_needed(self) -> int:
        """GPUs that the parallel sizes need together."""
        return self.tensor_parallel * self.options.pipeline_parallel * self.options.data_parallel
