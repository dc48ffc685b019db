"""Rules about the variables of models: that the server reads them, and takes their values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.engine_images import engine_image
from lisa_schema.engine_settings import TITLES, Support, names, nearest, other_versions, support
from lisa_schema.engine_versions import EngineVersion, version
from lisa_schema.models import AssetImage, Config, EcsModel
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.server_arguments import SETTINGS_AS_OPTIONS, why_owned
from lisa_schema.rules.service_paths import runs_own_entrypoint, services
from lisa_schema.settable_variables import SETTABLE
from lisa_schema.variable_ownership import owned_variable

# What libraries, drivers and languages read, in any server.
_LIBRARIES: Final = (
    "ACCELERATE_ AITER_ AWS_ CUBLAS CUDA_ CUDNN_ CURL_ CUTE_ DEEPEP_ DG_ FI_ FLA_ FLASHINFER_ "
    "FLASH_ATTENTION_ GGML_ GIT_ GLIBC_ GLOO_ GOMP_ GRPC_ HF_ HIP_ HSA_ HUGGINGFACE_ HUGGING_FACE_ INDUCTOR_ "
    "JEMALLOC JIT_ KINETO_ KMP_ LANG LC_ LD_ LMCACHE_ MALLOC_ MC_ MKL_ MOONCAKE_ NCCL_ NIXL_ NO_COLOR NUMBA_ "
    "NUMEXPR_ NVIDIA_ NVSHMEM_ NVTE_ OMP_ OPENBLAS_ OTEL_ OUTLINES_ PIP_ PROMETHEUS_ PYDANTIC_ PYTHON "
    "PYTORCH_ RAY_ RCCL_ ROCM_ RUNAI_ RUST_ SAFETENSORS_ SENTENCE_TRANSFORMERS_ SSL_ TIKTOKEN_ TILELANG_ "
    "TOKENIZERS_ TORCH TQDM_ TRANSFORMERS_ TRITON_ TRTLLM_ TVM_ UCX_ UV_ UVICORN_ XDG_ XFORMERS_ XGRAMMAR_"
)
_OF_LIBRARIES: Final = tuple(_LIBRARIES.split())
_SYSTEM: Final = (
    "ALL_PROXY FTP_PROXY HOME HOSTNAME HTTPS_PROXY HTTP_PROXY LOGNAME NO_PROXY PATH REQUESTS_CA_BUNDLE SHELL "
    "SSLKEYLOGFILE TERM TMPDIR TZ USER DO_NOT_TRACK NODE_EXTRA_CA_CERTS RANK WORLD_SIZE LOCAL_RANK "
    "MASTER_ADDR MASTER_PORT"
)
_OF_SYSTEM: Final = frozenset(_SYSTEM.split())
_HUB_TOKENS: Final = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HF_API_TOKEN"})
_ARGUMENTS: Final = re.compile(r"((VLLM|SGLANG|TGI|TEI|SERVER|ENGINE|EXTRA|LAUNCHER|CLI)_)*(ARGS|ARGUMENTS|FLAGS|OPTS)")
_MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("CONTEXT_LENGTH", "CONTEXT_SIZE", "MAX_CONTEXT_LENGTH", "MAX_MODEL_LEN", "MAX_MODEL_LENGTH", "MAX_SEQ_LEN"),
        ("MAX_TOTAL_TOKENS",),
    ),
    **dict.fromkeys(("MAX_BATCH_SIZE", "MAX_NUM_SEQS", "MAX_RUNNING_REQUESTS"), ("MAX_CONCURRENT_REQUESTS",)),
    "QUANTIZATION": ("QUANTIZE",),
    **dict.fromkeys(
        ("NUM_SHARD", "NUM_GPUS", "TENSOR_PARALLEL", "TENSOR_PARALLEL_SIZE", "TP", "TP_SIZE"),
        ("TENSOR_PARALLEL_SIZE", "NUM_SHARD"),
    ),
    **dict.fromkeys(
        ("CUDA_MEMORY_FRACTION", "GPU_MEMORY_UTILIZATION", "MEM_FRACTION_STATIC"),
        ("GPU_MEMORY_UTILIZATION", "CUDA_MEMORY_FRACTION"),
    ),
}
"""Names of other servers and recipes, and the variables that do the same, of which a container has one at most."""

_OTHER_WAYS: Final = {
    **dict.fromkeys(("HF_MODEL", "HF_MODEL_ID", "MODEL", "MODEL_ID", "MODEL_PATH"), "set `modelName`"),
    **dict.fromkeys(("MAX_INPUT_LENGTH", "MAX_INPUT_TOKENS"), "`MAX_TOTAL_TOKENS` limits prompt and answer together"),
}
_PREFIXES: Final = ("VLLM_", "SGLANG_", "TGI_", "TEI_", "LISA_")
_DRAINS_FROM: Final = version("0.18.0")
REFERENCE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_.:-]*\}|^\$[A-Za-z_][A-Za-z0-9_]*$|\{\{[^{}]*\}\}$")
"""A reference that a shell or template would replace, and nothing does."""


@rule("LISA505", "unread-variable", "Remove the variable.", Severity.WARNING)
def variables_are_read(config: Config) -> Iterator[RuleViolation]:
    """A variable of a model must be one that its server reads, according to the table of the server's settings."""
    for index, model in enumerate(config.ecs_models):
        container = str(model.inference_container)
        image = engine_image(model.container_config.image)
        is_custom = isinstance(model.container_config.image, AssetImage) or image.engine != container
        if is_custom and not runs_own_entrypoint(model):
            continue  # What a user's own image reads is unknown.
        installed = image.version if image.engine == container else None
        for name in model.container_config.environment:
            path: Path = ("ecsModels", index, "containerConfig", "environment", name)
            if owned_variable(container, name) is not None:
                continue
            if name in _HUB_TOKENS and runs_own_entrypoint(model):
                message = f"`{name}` has no effect: the container downloads nothing, the weights come from the bucket."
                fix = "Remove it; to stage weights, set it where `lisa weights` runs."
                yield RuleViolation(path, message, fix)
            elif (told := _unread(container, name, installed, own=runs_own_entrypoint(model))) is not None:
                yield RuleViolation(path, *told)


@rule("LISA509", "unexpanded-reference", "Write the value itself.", Severity.WARNING)
def references_are_expanded(config: Config) -> Iterator[RuleViolation]:
    """Variables and arguments are passed as they are: `${NAME}` is not replaced by the variable NAME."""
    for path, service in services(config):
        for name, value in service.container_config.environment.items():
            if found := REFERENCE.search(value):
                message = f"`{name}` contains `{found[0]}`, which is not replaced: the container gets these characters."
                fix = "Write the value, or for a secret the ARN of a Secrets Manager secret."
                yield RuleViolation((*path, "containerConfig", "environment", name), message, fix)
        if isinstance(service, EcsModel):
            for position, text in enumerate(service.server_args):
                found = REFERENCE.search(text)
                if found is not None and found[0].startswith("$"):
                    message = f"The argument contains `{found[0]}`, which is not replaced: no shell reads it."
                    yield RuleViolation((*path, "serverArgs", position), message)


def unread_variable(container: str, name: str, installed: EngineVersion | None) -> tuple[str, str | None] | None:
    """Return what to say about a variable that LISA's container of an engine does not read: message and fix.

    Args:
        container: an inference container with a table of settings.
        name: name of the variable.
        installed: version of the engine; None if it is unknown.
    """
    if owned_variable(container, name) is not None:
        return None
    return _unread(container, name, installed, own=True)


def _unread(container: str, name: str, installed: EngineVersion | None, *, own: bool) -> tuple[str, str | None] | None:
    """What to say about a variable that a server does not read: message and fix; None if it reads it, or may."""
    settable = SETTABLE[container]
    title = TITLES.get(container, f"The {container} container")
    named = f"{title} {installed}" if installed else title
    if name in settable:  # An image from a registry may have LISA's entrypoint, too.
        if own and container == "vllm" and name == "DRAIN_TIMEOUT" and installed and installed < _DRAINS_FROM:
            return (
                f"{named} does not read `DRAIN_TIMEOUT`; it aborts requests when it stops.",
                "Use vLLM 0.18 or later.",
            )
        return None
    if name.upper() in _OF_SYSTEM or name.startswith(_OF_LIBRARIES):
        return None
    if container in TITLES:
        if support(container, "variables", name, installed) is not Support.NO:
            return None
        if versions := other_versions(container, "variables", name):
            return f"{named} does not read `{name}`; versions {versions} do.", None
    return f"{title} does not read `{name}`.", _suggestion(container, name)


def _suggestion(container: str, name: str) -> str | None:
    known = frozenset(SETTABLE[container])
    if container in TITLES:
        known |= names(container, "variables")
    plain = name.upper().replace("-", "_")
    for prefix in _PREFIXES if plain not in known else ():
        plain = plain.removeprefix(prefix)
    if _ARGUMENTS.fullmatch(name.upper()) and container in TITLES:
        return "List the arguments in `serverArgs`."
    if plain in _OTHER_WAYS and plain not in known:
        return f"Remove it: {_OTHER_WAYS[plain]}."
    option = plain.lower().replace("_", "-")
    if (variable := _same_setting(container, plain, option, known)) is not None:
        return f"Write `{variable}`."
    if container in TITLES and option in names(container, "options"):
        if (instead := why_owned(container, option)) is not None:
            return f"Remove it; {instead}"
        return f"Add `--{option}` to `serverArgs`."
    near = nearest(name.upper(), frozenset(one for one in known if owned_variable(container, one) is None))
    return f"Write `{near}`." if near else None


def _same_setting(container: str, plain: str, option: str, known: frozenset[str]) -> str | None:
    """The variable that does what a name in capitals says; None if there is none."""
    if plain in known and owned_variable(container, plain) is None:
        return plain
    for variable, sets in SETTINGS_AS_OPTIONS.get(container, {}).items():
        if sets == option:
            return variable
    return next((meant for meant in _MEANT.get(plain, ()) if meant in known), None)
