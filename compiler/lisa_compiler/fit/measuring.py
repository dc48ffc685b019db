"""Compare measured runs with predictions, and keep them: `lisa fit measure`, and the acceptance test."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lisa_compiler.fit.facts import facts_of
from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.question import Accelerators, Question
from lisa_compiler.fit.verdict import Answer
from lisa_compiler.fit.vllm_log import VllmLog, read_log
from lisa_schema.atomic_file import replace_file
from lisa_schema.engine_images import named_image
from lisa_schema.engine_versions import release
from lisa_schema.errors import LisaError
from lisa_schema.gpus import gpu_named
from lisa_schema.instances import instance_type
from lisa_schema.vllm_options import VllmOptions

if TYPE_CHECKING:
    from pathlib import Path

    from lisa_compiler.fit.quantity import Quantity
    from lisa_schema.gpus import Gpu

_SAME_GPU = {"A10": "A10G", "V100": "V100-16", "A100": "A100-80"}
"""GPUs of other clouds, by the one of EC2 with the same chip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What a log does not say of a run.

    Attributes:
        instance: the instance type.
        image: reference of the image, with its digest; None when it is unknown.
        driver: version of NVIDIA's driver; None when it is unknown.
        date: day of the run, as YYYY-MM-DD; None when it is unknown.
    """

    instance: str
    image: str | None = None
    driver: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A measured run beside its prediction.

    Attributes:
        run: the run, in the form of tests/compiler/fit/measurements.json.
        answer: the prediction.
    """

    run: Mapping[str, Any]
    answer: Answer

    def rows(self) -> Sequence[tuple[str, ...]]:
        """The table of quantities: name, prediction, low, high, measurement."""
        budget = self.answer.budget
        measured = self.run["measured"]
        quantities: list[tuple[str, Quantity | None, str, int]] = [
            ("weights GiB", None if budget is None else budget.weights, "weightsGiB", 2),
            ("activation GiB", None if budget is None else budget.activation, "activationGiB", 2),
            ("not torch GiB", None if budget is None else budget.other, "nonTorchGiB", 2),
            ("KV cache GiB", None if budget is None else budget.kv, "availableKvGiB", 2),
            ("KV cache tokens", self.answer.kv_tokens, "kvTokens", 0),
            ("sequences", self.answer.concurrency, "maxConcurrency", 2),
        ]
        rows = []
        for name, quantity, key, digits in quantities:
            cells = ["unknown"] * 3
            if quantity is not None:
                cells = [f"{value:,.{digits}f}" for value in (quantity.point, quantity.low, quantity.high)]
            value = measured.get(key)
            rows.append((name, *cells, "-" if value is None else f"{value:,.{digits}f}"))
        started = "started" if self.run["started"] else "did not start"
        return [*rows, ("verdict", str(self.answer.verdict), "", "", started)]


def compare_log(path: Path, context: RunContext) -> Comparison:
    """Read a log of vLLM, and predict the same run.

    Raises:
        LisaError: the log cannot be read, or lacks what a prediction needs.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            log = read_log(stream)
    except OSError as error:
        raise LisaError(f"{path} cannot be read: {error.strerror}.") from error
    return compare_run(_run(log, path, context))


def compare_run(run: Mapping[str, Any]) -> Comparison:
    """Predict a measured run.

    Raises:
        LisaError: its GPU is not in the table.
    """
    return Comparison(run=run, answer=judge(question_of(run)))


def question_of(run: Mapping[str, Any]) -> Question:
    """Ask what a measured run answers.

    Raises:
        LisaError: its GPU is not in the table.
    """
    settings = run["settings"]
    gpu = _gpu(run["gpu"], run["gpuTotalGiB"])
    options = VllmOptions(
        max_model_len=settings["maxModelLen"],
        max_num_seqs=settings["maxNumSeqs"],
        max_num_batched_tokens=settings["maxNumBatchedTokens"],
        dtype=settings["dtype"],
        quantization=settings["quantization"],
        kv_cache_dtype=settings["kvCacheDtype"],
        gpu_memory_utilization=settings["gpuMemoryUtilization"],
        tensor_parallel=settings["tensorParallel"],
        pipeline_parallel=settings["pipelineParallel"],
        data_parallel=settings.get("dataParallel") or 1,
        enforce_eager=settings["enforceEager"],
        block_size=settings["blockSize"],
    )
    return Question(
        facts=facts_of(run["model"]),
        engine="vllm",
        version=_version(run["vllm"]),
        accelerators=Accelerators(
            gpu=gpu, count=settings["tensorParallel"] * settings["pipelineParallel"], nvlink=run.get("nvlink", True)
        ),
        options=options,
    )


def append_run(path: Path, run: Mapping[str, Any]) -> None:
    """Add a run to a file of measurements, which is created when it does not exist.

    Raises:
        LisaError: the file cannot be read or written, or is no file of measurements.
    """
    content: dict[str, Any] = {"schemaVersion": 1, "runs": []}
    try:
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
        content["runs"].append({"id": f"m{len(content['runs']) + 1:03d}", **run})
        replace_file(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode(), mode=0o644)
    except OSError as error:
        raise LisaError(f"{path} cannot be read or written: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LisaError(f"{path} is not a file of measurements. Choose another file.") from error


def _run(log: VllmLog, path: Path, context: RunContext) -> dict[str, Any]:
    host = instance_type(context.instance)
    accelerators = None if host is None else Accelerators.of(host)
    if accelerators is None:
        raise LisaError(f"`{context.instance}` is not an instance type with an NVIDIA GPU.")
    installed = None if context.image is None else named_image(context.image).running("vllm")
    version = log.version or (None if installed is None else str(installed.version))
    arguments = log.arguments
    model = _model(arguments)
    if version is None or model is None or all(value is None for value in log.measured.values()):
        raise LisaError(
            f"{path} is not a log of vLLM with its version, its arguments and its memory. Pass the complete log from "
            "the start of the server, and --image when the log does not name the version."
        )
    parallel = arguments.get("tensor_parallel_size", 1)
    return {
        "model": model,
        "gpu": accelerators.gpu.name,
        "gpuTotalGiB": log.total_gib,
        "nvlink": accelerators.nvlink,
        "vllm": version,
        "engine": "V1",
        "settings": {
            "gpuMemoryUtilization": arguments.get("gpu_memory_utilization"),
            "maxModelLen": arguments.get("max_model_len") or log.context,
            "tensorParallel": parallel,
            "pipelineParallel": arguments.get("pipeline_parallel_size", 1),
            "dtype": str(arguments.get("dtype", "auto")).removeprefix("torch."),
            "quantization": arguments.get("quantization"),
            "kvCacheDtype": str(arguments.get("kv_cache_dtype", "auto")),
            "maxNumSeqs": arguments.get("max_num_seqs"),
            "maxNumBatchedTokens": arguments.get("max_num_batched_tokens"),
            "blockSize": arguments.get("block_size") or 16,
            "enforceEager": bool(arguments.get("enforce_eager", False)),
        },
        "started": log.started,
        "reason": None,
        "measured": dict(log.measured),
        "source": {
            "instance": context.instance,
            "image": context.image,
            "driver": context.driver,
            "date": context.date,
        },
        "compare": "start+kv" if log.started else "start",
    }


def _model(arguments: Mapping[str, Any]) -> str | None:
    """The name of the model: the one that it is served under, where that is a name with an organization."""
    served = arguments.get("served_model_name")
    names = served if isinstance(served, list) else [served]
    names += [arguments.get("model"), arguments.get("model_tag")]
    texts = [name for name in names if isinstance(name, str)]
    return next((name for name in texts if name.count("/") == 1 and not name.startswith("/")), next(iter(texts), None))


def _gpu(name: str, total_gib: float | None) -> Gpu:
    gpu = gpu_named(_SAME_GPU.get(name, name))
    if gpu is None:
        raise LisaError(f"The GPU {name} is not in the table of GPUs.")
    return gpu if total_gib is None else replace(gpu, total_gib=(total_gib, total_gib))


def _version(text: str) -> tuple[int, ...] | None:
    """Read a version; of a range such as `0.6-0.7` the end, and of `>=0.26` that release."""
    try:
        return release(re.split(r"[-=]", text)[-1])
    except ValueError:
        return None
