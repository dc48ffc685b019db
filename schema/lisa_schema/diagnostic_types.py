"""Types of diagnostics except rules: reading files (1xx), their structure (2xx), output and artifacts (4xx).

Rules (3xx, 5xx) are registered in lisa_schema.rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from lisa_schema.diagnostics import Diagnostic, Origin, Severity


@dataclass(frozen=True, slots=True)
class DiagnosticType:
    """A kind of diagnostic, as docs/diagnostics.md lists it.

    Attributes:
        code: `LISA` and three digits.
        rule: its name in kebab case.
        meaning: what it says, a sentence.
        fix: what to do about it, a sentence; the default of each diagnostic's fix.
        severity: error or warning.
    """

    code: str
    rule: str
    meaning: str
    fix: str
    severity: Severity = Severity.ERROR

    def at(
        self,
        origin: Origin | None,
        message: str,
        *,
        key_path: str = "",
        fix: str | None = None,
        severity: Severity | None = None,
    ) -> Diagnostic:
        """Make a diagnostic of this kind; `fix` and `severity` are the kind's own when they are None."""
        return Diagnostic(
            code=self.code,
            rule=self.rule,
            severity=severity or self.severity,
            message=message,
            fix=self.fix if fix is None else fix,
            key_path=key_path,
            origin=origin,
        )


FILE_MISSING = DiagnosticType(
    "LISA101",
    "file-missing",
    "The project has no config.yaml.",
    "Run the command in the directory of config.yaml, or specify it with --project.",
)
FILE_UNREADABLE = DiagnosticType(
    "LISA102", "file-unreadable", "A configuration file cannot be read.", "Correct the path or the file permissions."
)
FILE_TOO_LARGE = DiagnosticType(
    "LISA103",
    "file-too-large",
    "A configuration file is over 1 MiB.",
    "Split it into environments/<env>.yaml overlays.",
)
FILE_ENCODING = DiagnosticType(
    "LISA104", "file-encoding", "A configuration file is not UTF-8 text.", "Save the file as UTF-8 without NUL bytes."
)
YAML_SYNTAX = DiagnosticType("LISA105", "yaml-syntax", "A file is not valid YAML.", "Correct the reported line.")
YAML_TAB = DiagnosticType("LISA106", "yaml-tab", "A line is indented with a tab.", "Indent with spaces.")
YAML_DOCUMENTS = DiagnosticType(
    "LISA107", "yaml-documents", "A file contains more than one YAML document.", "Remove `---` and the text after it."
)
YAML_ROOT = DiagnosticType(
    "LISA108",
    "yaml-root",
    "A file, or an environment in it, is not a mapping.",
    "Write `key: value`.",
)
YAML_DUPLICATE_KEY = DiagnosticType(
    "LISA109", "yaml-duplicate-key", "A mapping contains a duplicate key.", "Remove one of the two."
)
YAML_TAG = DiagnosticType("LISA110", "yaml-tag", "A value has an unsupported YAML tag.", "Remove the tag.")
YAML_KEY = DiagnosticType("LISA111", "yaml-key", "A key is not a string.", "Write the key as a string.")
YAML_ALIAS = DiagnosticType(
    "LISA112",
    "yaml-alias",
    "An alias refers to an undefined anchor, or to one that contains it.",
    "Define the anchor first.",
)
YAML_ALIAS_LIMIT = DiagnosticType(
    "LISA113",
    "yaml-alias-limit",
    "YAML aliases expand to too many values.",
    "Write out the values instead of nesting aliases.",
)
YAML_DEPTH = DiagnosticType("LISA114", "yaml-depth", "Blocks are nested too deeply.", "Check brackets and indentation.")
YAML_MERGE = DiagnosticType(
    "LISA115",
    "yaml-merge",
    "A merge key `<<` does not refer to a mapping.",
    "Set `<<` to an alias of a mapping, or to a list of aliases.",
)
YAML_CHARACTER = DiagnosticType(
    "LISA116", "yaml-character", "A string contains a character that is not allowed.", "Remove the character."
)
ENVIRONMENT_UNSET = DiagnosticType(
    "LISA117",
    "environment-unset",
    "The environment is set neither by --env nor by the top-level `env`.",
    "Add `env: <name>` at the top of config.yaml, or pass --env.",
)
ENVIRONMENT_UNKNOWN = DiagnosticType(
    "LISA118",
    "environment-unknown",
    "The environment has neither a block in config.yaml nor a file in environments/.",
    "Use an existing environment, or add environments/<env>.yaml.",
)
ENVIRONMENT_NAME = DiagnosticType(
    "LISA119",
    "environment-name",
    "An environment's name has characters other than letters, digits, hyphens and underscores.",
    "Rename the environment; its name is a directory in generated/.",
)
OVERLAY_UNREAD = DiagnosticType(
    "LISA120",
    "overlay-unread",
    "A file in environments/ ends in `.yml` and is not read.",
    "Rename the file to end in `.yaml`.",
    Severity.WARNING,
)
OVERLAY_AMBIGUOUS = DiagnosticType(
    "LISA121",
    "overlay-ambiguous",
    "A list entry of an overlay matches several entries below it.",
    "Identify the entry by its modelId.",
)
OPTION_PATH = DiagnosticType(
    "LISA122",
    "option-path",
    "The path of an option does not exist.",
    "Write a path such as `restApiConfig.instanceType` or `ecsModels[mistral7b].deploy`.",
)
OPTION_VALUE = DiagnosticType(
    "LISA123", "option-value", "The value of an option is not YAML.", "Quote the value: --set 'path=\"value\"'."
)
LATER_VERSION = DiagnosticType(
    "LISA124",
    "later-version",
    "The configuration has the form of LISA 3 to 6, whose models are in a database.",
    "Run `lisa migrate --from config.yaml --output migrated.yaml`, with --models for the models of the database.",
)

REQUIRED_MISSING = DiagnosticType("LISA201", "required-missing", "A required key is missing.", "Add the key.")
REQUIRED_BLANK = DiagnosticType("LISA202", "required-blank", "A required key has no value.", "Fill in the value.")
UNKNOWN_KEY = DiagnosticType("LISA203", "unknown-key", "Unknown key.", "Remove the key.")
MISPLACED_KEY = DiagnosticType("LISA204", "misplaced-key", "A key belongs to another block.", "Move the key.")
INVALID_TYPE = DiagnosticType(
    "LISA205", "invalid-type", "The value has the wrong type.", "Use a value of the required type."
)
INVALID_CHOICE = DiagnosticType(
    "LISA206", "invalid-choice", "The value is not one of the allowed values.", "Use one of the allowed values."
)
INVALID_FORMAT = DiagnosticType("LISA207", "invalid-format", "The string has the wrong format.", "Correct the string.")
OUT_OF_RANGE = DiagnosticType(
    "LISA208",
    "out-of-range",
    "A number, or the length of a string or list, is out of range.",
    "Use a value within the range.",
)
INVALID = DiagnosticType("LISA209", "invalid", "A value is not valid for another reason.", "Correct the value.")
CONFLICTING_IMAGE_KEYS = DiagnosticType(
    "LISA210",
    "conflicting-image-keys",
    "A container has both `image` and the older `baseImage`.",
    "Remove `baseImage`.",
)

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
    "Set MAX_TOTAL_TOKENS to the model's positions or less.",
)
FIT_CHECKPOINT = DiagnosticType(
    "LISA424",
    "fit-checkpoint",
    "The GPU does not support the dtype or the quantization of the checkpoint, or support is unknown.",
    "Choose an instance type with a newer GPU, or another checkpoint.",
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

DIAGNOSTIC_TYPES: tuple[DiagnosticType, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, DiagnosticType)
)
"""Every kind above, in the order of the codes."""
