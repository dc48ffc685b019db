"""Types of diagnostics of what a configuration compiles to and of what lies beside it (4xx, and LISA538)."""

from __future__ import annotations

from lisa_schema.diagnostic_types import DiagnosticType
from lisa_schema.diagnostics import Severity

LOCAL_FILE = DiagnosticType(
    "LISA401",
    "local-file",
    "A file that the configuration refers to cannot be used.",
    "Add the file to the project, or commit its checksum as <path>.sha256.",
)
WEIGHTS_UNSTAGED = DiagnosticType(
    "LISA402",
    "weights-unstaged",
    "The weights of a hosted model are not staged: not found in weights.lock.json or models/.",
    "Run `lisa weights stage`, then commit weights.lock.json.",
    Severity.WARNING,
)
WEIGHTS_INCOMPLETE = DiagnosticType(
    "LISA403",
    "weights-incomplete",
    "A model in models/ is incomplete and was skipped.",
    "Run `lisa weights stage` to download the missing files, or add them to models/.",
    Severity.WARNING,
)
WEIGHTS_OUTDATED = DiagnosticType(
    "LISA404",
    "weights-outdated",
    "A model in models/ does not match weights.lock.json (reported by `lisa compile --check`).",
    "Run `lisa compile` and commit weights.lock.json with generated/.",
    Severity.WARNING,
)
WEIGHTS_INVALID = DiagnosticType(
    "LISA405",
    "weights-invalid",
    "A model in models/ cannot be read, converted or locked.",
    "Fix the model, or compile with `--no-weights` to skip models/.",
)
WEIGHTS_DAMAGED = DiagnosticType(
    "LISA406",
    "weights-damaged",
    "A model in models/ lacks tensors that its metadata lists: it was converted by converter version 1.",
    "Add its PyTorch checkpoint to models/<org>/<name> and run `lisa weights convert models/<org>/<name>`, or run"
    " `lisa weights fetch <org>/<name>`; then stage it again.",
)
WEIGHTS_UNCHECKED = DiagnosticType(
    "LISA407",
    "weights-unchecked",
    "A hosted model was locked by an older LISA, whose converter could omit tensors, and is not in models/.",
    "Run `lisa weights stage`, which checks the model in the bucket, then commit weights.lock.json.",
    Severity.WARNING,
)
WEIGHTS_REQUIRED = DiagnosticType(
    "LISA408",
    "weights-required",
    "`weights.strict` is true, and a hosted model is not in weights.lock.json.",
    "Run `lisa weights stage`, then commit weights.lock.json. To compile before that, pass `--no-weights`; the"
    " containers of the model then do not start.",
)
WEIGHTS_CHANGED = DiagnosticType(
    "LISA413",
    "weights-changed",
    "A model in models/ has other content than the commit of the Hub that weights.lock.json has.",
    "Restore it with `lisa weights fetch <org>/<name> --revision <commit>`, or lock the content as a local model with"
    " `lisa compile --relock`.",
)
ADAPTER_BASE = DiagnosticType(
    "LISA414",
    "adapter-base",
    "An adapter states another base model than the one that it is listed under.",
    "List it under its base model, unless both names are of the same model.",
    Severity.WARNING,
)
ADAPTER_KIND = DiagnosticType(
    "LISA415",
    "adapter-kind",
    "`adapters` must name LoRA adapters, and `modelName` a model.",
    "List an adapter in `adapters` of its base model, and host a model as an entry of `ecsModels`.",
)
ADAPTER_UNCOMPARED = DiagnosticType(
    "LISA416",
    "adapter-uncompared",
    "Whether an adapter fits its base model is unknown: they were not both in models/ when `lisa compile` ran.",
    "Run `lisa weights download`, then `lisa compile`, and commit weights.lock.json.",
    Severity.WARNING,
)
ADAPTER_MISFIT = DiagnosticType(
    "LISA417",
    "adapter-misfit",
    "An adapter changes modules that its base model does not have, or that have another shape there.",
    "List it under the model that it was trained on.",
)
AMI_UNPINNED = DiagnosticType(
    "LISA411",
    "ami-unpinned",
    "The AMI of some instances is not pinned: ami.<env>.lock.json lacks it, or is for another Region.",
    "Run `lisa ami refresh --env <env>` and commit ami.<env>.lock.json, or set amiId; `lisa deploy` requires it.",
    Severity.WARNING,
)
AMI_LOCK_UNUSABLE = DiagnosticType(
    "LISA412",
    "ami-lock-unusable",
    "ami.<env>.lock.json is not a valid lock file.",
    "Restore it from git, or remove it and run `lisa ami refresh --env <env>`.",
)
FIT_MEMORY = DiagnosticType(
    "LISA421",
    "fit-memory",
    "A model does not fit the GPU memory of its instance type, or may not.",
    "Run `lisa fit` and apply one of its suggestions.",
)
FIT_PARALLEL = DiagnosticType(
    "LISA422",
    "fit-parallel",
    "A model cannot be split among so many GPUs, or the instance has other ones.",
    "Set a size that the instance has GPUs for and that divides the model.",
)
FIT_CONTEXT = DiagnosticType(
    "LISA423",
    "fit-context",
    "The configured sequence is longer than the model's positions.",
    "Set MAX_TOTAL_TOKENS or `--max-model-len` to the model's positions or less.",
)
FIT_CHECKPOINT = DiagnosticType(
    "LISA424",
    "fit-checkpoint",
    "The GPU does not support the dtype or the quantization of the checkpoint, or support is unknown.",
    "Choose an instance type with a newer GPU, or another checkpoint.",
)
FIT_KIND = DiagnosticType(
    "LISA427",
    "fit-kind",
    "A model does not do what its server and `modelType` are for, or may not: a chat model for embeddings, or a"
    " reranker.",
    "Correct `modelType` and `inferenceContainer`, or choose another model.",
)
FIT_HOST = DiagnosticType(
    "LISA425",
    "fit-host",
    "The memory, disk or shared memory of an instance may be too small for a model. These are estimates.",
    "Choose a larger instance type, or increase `sharedMemorySize`.",
    Severity.WARNING,
)
POLICY = DiagnosticType(
    "LISA481",
    "cdk-nag",
    "cdk-nag has a finding about a resource, and runCdkNag is on.",
    "Fix the resource, or set runCdkNag to false and handle the finding elsewhere.",
)
WAIVER_EXPIRED = DiagnosticType(
    "LISA482",
    "waiver-expired",
    "A waiver in policy/waivers.yaml has expired and no longer applies.",
    "Fix the finding and remove the waiver, or have its owner set a new date.",
)
WAIVER_UNUSED = DiagnosticType(
    "LISA483",
    "waiver-unused",
    "A waiver in policy/waivers.yaml matches no finding: its rule or resource was not found.",
    "Remove the waiver, or correct its rule and resource.",
    Severity.WARNING,
)
POLICY_STALE = DiagnosticType(
    "LISA484",
    "policy-stale",
    "The templates that `lisa policy` checked are out of date.",
    "Run `lisa compile` first.",
    Severity.WARNING,
)
LITELLM_START = DiagnosticType(
    "LISA538",
    "litellm-start",
    "LiteLLM, started without a network with its compiled configuration, reports an error or an omission.",
    "Correct the value, and run `lisa compile`.",
)
ENVIRONMENTS_COLLIDE = DiagnosticType(
    "LISA426",
    "environments-collide",
    "Two environments of the project create resources with the same names.",
    "Change `deploymentName`, `appName` or `deploymentStage` of one of them.",
)
OUTPUT_STALE = DiagnosticType(
    "LISA491",
    "output-stale",
    "generated/ is out of date.",
    "Run `lisa compile` and commit the result.",
)
OUTPUT_ORPHANED = DiagnosticType(
    "LISA492",
    "output-orphaned",
    "generated/ contains an environment that is not configured.",
    "Remove its directory.",
    severity=Severity.WARNING,
)
