"""What a compile reports of models that do not fit, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.compiler.conftest import Project as Written
from tests.compiler.conftest import configuration
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_compiler.compile.fit import assess_fit, diagnose_fit
from lisa_compiler.project.project import Project, ValidEnvironment
from lisa_schema.diagnostics import Diagnostic, Severity
from lisa_weights.lock.lock_file import LockedFile, LockedModel, SourceKind, WeightsLock
from lisa_weights.lock.locked_adapter import LockedAdapter
from lisa_weights.shape.transformer import CheckpointShape, Quantization, TransformerShape

from .questions import shape_of

Found = list[tuple[str, Severity, str]]

LLAMA_405B = "meta-llama/Llama-3.1-405B-Instruct"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
IMAGE = "vllm/vllm-openai:v0.12.0"


@pytest.fixture
def environment(project: Written) -> Callable[..., ValidEnvironment]:
    """An environment with one model under vLLM."""

    def make(
        name: str = "org/model",
        instance: str = "g6.xlarge",
        variables: dict[str, Any] | None = None,
        *,
        image: Any = IMAGE,
        **changes: Any,
    ) -> ValidEnvironment:
        model = {
            **configuration()["ecsModels"][0],
            "modelName": name,
            "instanceType": instance,
            "inferenceContainer": "vllm",
            "containerConfig": {
                "image": {"baseImage": image} if isinstance(image, str) else image,
                "environment": variables or {},
                "sharedMemorySize": 2048,
            },
            **changes,
        }
        project.write(ecsModels=[model])
        return Project(project.folder).environment(None)

    return make


def lock_of(shape: TransformerShape | None, size: int = 16_060_522_496) -> WeightsLock:
    found = None
    if shape is not None:
        found = CheckpointShape(
            tensor_bytes=size, embedding_bytes=2_101_346_304, largest_file_bytes=size, transformer=shape
        )
    model = LockedModel(
        kind=SourceKind.LOCAL,
        revision=None,
        files=(LockedFile("model.safetensors", size + 1000, "a" * 64),),
        parameters=1,
        dtypes={"BF16": 1},
        shape=found,
    )
    return WeightsLock({"org/model": model})


def found(valid: ValidEnvironment, lock: WeightsLock | None = None) -> Found:
    return [(one.code, one.severity, one.key_path) for one in diagnose_fit(valid, lock or WeightsLock())]


def only(valid: ValidEnvironment, lock: WeightsLock | None = None) -> Diagnostic:
    (diagnostic,) = diagnose_fit(valid, lock or WeightsLock())
    return diagnostic


ENVIRONMENT = "ecsModels[0].containerConfig.environment"


def test_a_model_that_fits_is_not_reported(environment: Callable[..., ValidEnvironment]) -> None:
    assert found(environment(variables={"MAX_TOTAL_TOKENS": 8192}), lock_of(shape_of())) == []


def test_a_large_model_on_a_small_instance(environment: Callable[..., ValidEnvironment]) -> None:
    memory, disk = diagnose_fit(environment(LLAMA_405B, "g5.xlarge", {"MAX_TOTAL_TOKENS": 2048}), WeightsLock())
    assert (memory.code, memory.severity, memory.key_path) == (
        "LISA421",
        Severity.WARNING,
        "ecsModels[0].instanceType",
    )
    assert "does not fit g5.xlarge: the weights alone need 748.4 GiB per GPU, and 19.9 are usable" in memory.message
    assert "(facts: shipped catalogue)" in memory.message
    assert memory.fix == "Choose p5en.48xlarge (63.30 USD/h)."
    assert (disk.code, disk.severity) == ("LISA425", Severity.WARNING)


def test_own_facts_and_a_known_version_make_it_an_error(environment: Callable[..., ValidEnvironment]) -> None:
    lock = lock_of(shape_of(), 60_000_000_000)
    assert only(environment(), lock).severity is Severity.ERROR
    assert only(environment(image="vllm/vllm-openai:stable"), lock).severity is Severity.WARNING
    arn = "arn:aws:ecr:us-east-1:123456789012:repository/vllm"
    image = {"type": "ecr", "repositoryArn": arn, "tag": "stable"}
    assert only(environment(image=image), lock).severity is Severity.WARNING


def test_a_context_that_is_too_long_points_to_it(environment: Callable[..., ValidEnvironment]) -> None:
    diagnostic = only(environment(variables={"MAX_TOTAL_TOKENS": 131072}), lock_of(shape_of()))
    assert (diagnostic.code, diagnostic.severity) == ("LISA421", Severity.ERROR)
    assert diagnostic.key_path == f"{ENVIRONMENT}.MAX_TOTAL_TOKENS"
    assert "one sequence of 131,072 tokens needs 16.0 GiB of KV cache" in diagnostic.message
    assert diagnostic.fix == "Set MAX_TOTAL_TOKENS to 20000, or choose g6e.xlarge (1.86 USD/h)."


def test_a_context_in_the_arguments_points_to_them(environment: Callable[..., ValidEnvironment]) -> None:
    variables = {"MAX_TOTAL_TOKENS": 4096, "SERVER_ARGS": "--max-model-len 128k"}
    assert only(environment(variables=variables), lock_of(shape_of())).key_path == f"{ENVIRONMENT}.SERVER_ARGS"


def test_too_close_is_a_warning(environment: Callable[..., ValidEnvironment]) -> None:
    diagnostic = only(environment(variables={"MAX_TOTAL_TOKENS": 28000}), lock_of(shape_of()))
    assert (diagnostic.code, diagnostic.severity) == ("LISA421", Severity.WARNING)
    assert "may not fit" in diagnostic.message


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        ({"TENSOR_PARALLEL_SIZE": 8}, "TENSOR_PARALLEL_SIZE"),
        ({"TENSOR_PARALLEL_SIZE": "8"}, "TENSOR_PARALLEL_SIZE"),
        ({"SERVER_ARGS": "--tensor-parallel-size 8"}, "SERVER_ARGS"),
        ({"SERVER_ARGS": "--tensor_parallel_size=8"}, "SERVER_ARGS"),
        ({"SERVER_ARGS": "-tp 8"}, "SERVER_ARGS"),
        ({"TENSOR_PARALLEL_SIZE": 1, "SERVER_ARGS": "-tp 8"}, "SERVER_ARGS"),
    ],
)
def test_more_gpus_than_the_instance_has_is_an_error_for_any_model(
    environment: Callable[..., ValidEnvironment], variables: dict[str, Any], key: str
) -> None:
    for name in (MISTRAL, "org/never-heard-of"):
        diagnostic = only(environment(name, "g6.xlarge", variables))
        assert (diagnostic.code, diagnostic.severity) == ("LISA422", Severity.ERROR)
        assert diagnostic.key_path == f"{ENVIRONMENT}.{key}"
        assert "needs 8 GPUs, but the instance has 1 L4 GPU" in diagnostic.message


def test_a_pipeline_needs_gpus_too(environment: Callable[..., ValidEnvironment]) -> None:
    diagnostic = only(environment(MISTRAL, "g6.12xlarge", {"SERVER_ARGS": "-pp 2"}))
    assert (diagnostic.code, diagnostic.severity) == ("LISA422", Severity.ERROR)
    assert diagnostic.key_path == f"{ENVIRONMENT}.SERVER_ARGS"
    assert "tensor parallel size 4 and pipeline parallel size 2 need 8 GPUs" in diagnostic.message


def test_heads_that_the_size_does_not_divide(environment: Callable[..., ValidEnvironment]) -> None:
    valid = environment(instance="g6.12xlarge", variables={"TENSOR_PARALLEL_SIZE": 3})
    errors = [one for one in diagnose_fit(valid, lock_of(shape_of(heads=40))) if one.is_error]
    assert {one.code for one in errors} == {"LISA422"}
    assert "40 attention heads are not divisible by tensor parallel size 3" in errors[0].message
    assert "Set TENSOR_PARALLEL_SIZE to 1 or 2 or 4." in {one.fix for one in errors}
    # With facts of the catalogue, which another revision of the model may not have, it is a warning.
    valid = environment(MISTRAL, "g6.12xlarge", {"TENSOR_PARALLEL_SIZE": 3})
    codes = found(valid)
    assert ("LISA422", Severity.WARNING, f"{ENVIRONMENT}.TENSOR_PARALLEL_SIZE") in codes
    assert all(severity is Severity.WARNING for _, severity, _ in codes)


def test_shards_of_text_generation_inference(environment: Callable[..., ValidEnvironment]) -> None:
    image = "ghcr.io/huggingface/text-generation-inference:3.3.4"
    valid = environment(MISTRAL, "g5.xlarge", {"NUM_SHARD": 2}, image=image, inferenceContainer="tgi")
    diagnostic = only(valid)
    assert (diagnostic.code, diagnostic.severity) == ("LISA422", Severity.ERROR)
    assert diagnostic.key_path == f"{ENVIRONMENT}.NUM_SHARD"
    of_arguments = {"inferenceContainer": "tgi", "serverArgs": ["--num-shard", "8"]}
    diagnostic = only(environment(MISTRAL, "g5.12xlarge", image=image, **of_arguments))
    assert (diagnostic.code, diagnostic.severity) == ("LISA422", Severity.ERROR)
    assert diagnostic.key_path == "ecsModels[0].serverArgs"


def test_copies_of_sglang(environment: Callable[..., ValidEnvironment]) -> None:
    arguments = {"inferenceContainer": "sglang", "serverArgs": ["--dp-size", "8"]}
    diagnostic = only(environment(MISTRAL, "g5.12xlarge", image="lmsysorg/sglang:v0.5.23", **arguments))
    assert (diagnostic.code, diagnostic.severity) == ("LISA422", Severity.ERROR)
    assert diagnostic.key_path == "ecsModels[0].serverArgs"
    assert "product is at most 4" in diagnostic.fix


@pytest.mark.parametrize(
    ("source", "severity"), [("lock", Severity.ERROR), ("catalogue", Severity.WARNING), ("name", Severity.WARNING)]
)
def test_a_model_of_another_kind(environment: Callable[..., ValidEnvironment], source: str, severity: Severity) -> None:
    name = {"lock": "org/model", "catalogue": "BAAI/bge-large-en-v1.5", "name": "acme/embed-large"}[source]
    lock = lock_of(shape_of(architecture="BertModel", max_positions=512)) if source == "lock" else None
    diagnostics = diagnose_fit(environment(name), lock or WeightsLock())
    diagnostic = next(one for one in diagnostics if one.code == "LISA427")
    assert (diagnostic.severity, diagnostic.key_path) == (severity, "ecsModels[0].modelType")


def test_weights_that_exceed_the_gpu_under_other_engines(environment: Callable[..., ValidEnvironment]) -> None:
    image = "ghcr.io/huggingface/text-embeddings-inference:86-1.7"
    kind = {"inferenceContainer": "tei", "modelType": "embedding", "streaming": None}
    shape = shape_of(architecture="Qwen2ForCausalLM")
    lock = lock_of(shape, 60_000_000_000)
    diagnostic = only(environment(instance="g5.xlarge", image=image, **kind), lock)
    assert (diagnostic.code, diagnostic.severity) == ("LISA421", Severity.ERROR)
    # Estimates beside the weights are never reported.
    assert found(environment(instance="g5.xlarge", image=image, **kind), lock_of(shape)) == []


def test_longer_than_the_positions(environment: Callable[..., ValidEnvironment]) -> None:
    valid = environment(variables={"MAX_TOTAL_TOKENS": 8192}, instance="g6e.xlarge")
    diagnostic = only(valid, lock_of(shape_of(max_positions=4096)))
    assert (diagnostic.code, diagnostic.severity) == ("LISA423", Severity.ERROR)
    assert diagnostic.key_path == f"{ENVIRONMENT}.MAX_TOTAL_TOKENS"
    assert diagnostic.fix == "Set MAX_TOTAL_TOKENS to 4096 or less."


def test_a_checkpoint_that_the_gpu_does_not_support(environment: Callable[..., ValidEnvironment]) -> None:
    shape = shape_of(quantization=Quantization(method="mxfp4", weight_bits=4, activation_bits=16, is_float=True))
    valid = environment(instance="g4dn.xlarge", variables={"MAX_TOTAL_TOKENS": 1024})
    diagnostic = only(valid, lock_of(shape, 5_000_000_000))
    assert (diagnostic.code, diagnostic.severity) == ("LISA424", Severity.ERROR)
    assert diagnostic.key_path == "ecsModels[0].instanceType"


def test_unknown_is_no_diagnostic(environment: Callable[..., ValidEnvironment]) -> None:
    assert found(environment("org/never-heard-of")) == []
    hybrid = lock_of(shape_of(unmodeled="its layers keep a state"))
    assert found(environment(), hybrid) == []
    assert found(environment(variables={"SERVER_ARGS": "--cpu-offload-gb 4"}), lock_of(shape_of())) == []
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/context"
    assert found(environment(variables={"MAX_TOTAL_TOKENS": arn}), lock_of(shape_of())) == []


def test_a_model_that_is_not_deployed_is_not_judged(environment: Callable[..., ValidEnvironment]) -> None:
    assert found(environment(LLAMA_405B, "g5.xlarge", deploy=False)) == []


def test_validate_and_compile_stop_at_an_error_and_write_nothing(
    environment: Callable[..., ValidEnvironment], project: Written
) -> None:
    environment(MISTRAL, "g6.xlarge", {"TENSOR_PARALLEL_SIZE": 8})
    for command in ("validate", "compile"):
        result = CliRunner().invoke(app, [command, "--project", str(project.folder), "--format", "json"])
        assert result.exit_code == 1
        errors = [one for one in json.loads(result.stdout) if one["severity"] == "error"]
        assert [one["code"] for one in errors] == ["LISA422"]
    assert not (project.folder / "generated" / "dev").exists()


def test_shared_memory_for_several_gpus(environment: Callable[..., ValidEnvironment]) -> None:
    container = {"image": {"baseImage": IMAGE}, "environment": {"MAX_TOTAL_TOKENS": 8192}}

    def with_shared(mib: int) -> list[Diagnostic]:
        valid = environment(instance="g6.12xlarge", containerConfig={**container, "sharedMemorySize": mib})
        return diagnose_fit(valid, lock_of(shape_of()))

    assert with_shared(1056) == []
    (diagnostic,) = with_shared(1055)
    assert (diagnostic.code, diagnostic.severity) == ("LISA425", Severity.WARNING)
    assert diagnostic.key_path == "ecsModels[0].containerConfig.sharedMemorySize"
    assert diagnostic.fix == "Set `sharedMemorySize` to 1056 or more."


@pytest.mark.parametrize(
    ("instance", "size", "part"), [("g5.xlarge", 240, "instance store"), ("p3.16xlarge", 480, "root")]
)
def test_disk(environment: Callable[..., ValidEnvironment], instance: str, size: int, part: str) -> None:
    lock = lock_of(None, size * 10**9)
    messages = [one.message for one in diagnose_fit(environment(instance=instance), lock) if one.code == "LISA425"]
    assert len(messages) == 1
    assert part in messages[0]


def test_models_directory_does_not_change_what_a_compile_says(
    environment: Callable[..., ValidEnvironment], project: Written
) -> None:
    valid = environment()
    before = assess_fit(valid.config, valid.root, WeightsLock())
    folder = project.folder / "models" / "org" / "model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}), encoding="utf-8")
    after = assess_fit(valid.config, valid.root, WeightsLock())
    assert before == after


def test_ten_models_are_judged_in_time(project: Written) -> None:
    import time

    base = configuration()["ecsModels"][0]
    names = ["meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-14B", "google/gemma-3-27b-it", MISTRAL, LLAMA_405B]
    container = {"image": {"baseImage": IMAGE}, "sharedMemorySize": 2048}
    models = [
        {
            **base,
            "modelName": name,
            "modelId": f"m{index}",
            "inferenceContainer": "vllm",
            "containerConfig": container,
            "instanceType": "g6.xlarge",
        }
        for index, name in enumerate(names * 2)
    ]
    project.write(ecsModels=models)
    valid = Project(project.folder).environment(None)
    diagnose_fit(valid, WeightsLock())
    seconds = []
    for _ in range(5):
        began = time.process_time()
        diagnose_fit(valid, WeightsLock())
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.05, seconds


def test_adapters_of_the_configuration_are_counted(environment: Callable[..., ValidEnvironment]) -> None:
    """Eight slots of rank 512 take the memory that the model alone leaves; an adapter that is not locked is unknown."""
    names = [f"org/adapter-{number}" for number in range(8)]
    variables = {"MAX_TOTAL_TOKENS": 8192, "MAX_CONCURRENT_REQUESTS": 16}
    alone = environment(variables=variables)
    served = environment(variables=variables, adapters=[{"name": name} for name in names])
    lock = lock_of(shape_of())
    assert found(alone, lock) == []
    assert found(served, lock) == []
    model = lock.models["org/model"]
    files = tuple(replace(file, size=200_000_000) for file in model.files)
    adapter = replace(model, files=files, shape=None, adapter=LockedAdapter(rank=500, base_model=None))
    locked = WeightsLock(models={**lock.models, **dict.fromkeys(names, adapter)})
    diagnostic = only(served, locked)
    assert (diagnostic.code, diagnostic.severity) == ("LISA421", Severity.ERROR)
