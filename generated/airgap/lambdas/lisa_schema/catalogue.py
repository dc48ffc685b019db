"""Every kind of diagnostic but the rules': reading the files (1xx), their structure (2xx), output and artifacts (4xx).

The rules of the third hundred register themselves beside their code, in lisa_schema.rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from lisa_schema.diagnostics import Diagnostic, Origin, Severity


@dataclass(frozen=True, slots=True)
class Kind:
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

    def at(self, origin: Origin | None, message: str, *, key_path: str = "", fix: str | None = None) -> Diagnostic:
        """Make a diagnostic of this kind."""
        return Diagnostic(
            code=self.code,
            rule=self.rule,
            severity=self.severity,
            message=message,
            fix=self.fix if fix is None else fix,
            key_path=key_path,
            origin=origin,
        )


FILE_MISSING = Kind(
    "LISA101",
    "file-missing",
    "There is no config.yaml in the project.",
    "Run the command where config.yaml is, or name that folder with --project.",
)
FILE_UNREADABLE = Kind(
    "LISA102", "file-unreadable", "A configuration file cannot be read.", "Make it a file that you may read."
)
FILE_TOO_LARGE = Kind(
    "LISA103",
    "file-too-large",
    "A configuration file is over 1 MiB.",
    "Split it into environments/<env>.yaml overlays.",
)
FILE_ENCODING = Kind(
    "LISA104", "file-encoding", "A configuration file is not UTF-8 text.", "Save the file as UTF-8 without NUL bytes."
)
YAML_SYNTAX = Kind("LISA105", "yaml-syntax", "A file is not valid YAML.", "Correct the line that is named.")
YAML_TAB = Kind("LISA106", "yaml-tab", "A line is indented with a tab.", "Indent with spaces.")
YAML_DOCUMENTS = Kind(
    "LISA107", "yaml-documents", "A file holds more than one YAML document.", "Remove the `---` and what follows it."
)
YAML_ROOT = Kind(
    "LISA108",
    "yaml-root",
    "A file, or an environment in it, is not a mapping of keys to values.",
    "Write `key: value`.",
)
YAML_DUPLICATE_KEY = Kind(
    "LISA109", "yaml-duplicate-key", "A mapping has the same key twice.", "Remove one of the two."
)
YAML_TAG = Kind("LISA110", "yaml-tag", "A value has a YAML tag that is not plain data.", "Remove the tag.")
YAML_KEY = Kind("LISA111", "yaml-key", "A key is not a plain word.", "Write the key as text.")
YAML_ALIAS = Kind(
    "LISA112", "yaml-alias", "An alias names no anchor above it, or one that contains it.", "Define the anchor first."
)
YAML_EXPANSION = Kind(
    "LISA113", "yaml-expansion", "Aliases make the file explode.", "Write the values out instead of nesting aliases."
)
YAML_DEPTH = Kind("LISA114", "yaml-depth", "Blocks are nested too deeply.", "Check brackets and indentation.")
YAML_MERGE = Kind(
    "LISA115", "yaml-merge", "A merge key `<<` has no mapping.", "Give `<<` an alias of a mapping, or a list of them."
)
YAML_CHARACTER = Kind(
    "LISA116", "yaml-character", "A text has a character that no text may have.", "Remove the character."
)
ENVIRONMENT_UNSET = Kind(
    "LISA117",
    "environment-unset",
    "Neither --env nor the top-level `env` names the environment.",
    "Add `env: <name>` at the top of config.yaml, or give --env.",
)
ENVIRONMENT_UNKNOWN = Kind(
    "LISA118",
    "environment-unknown",
    "The environment has neither a block in config.yaml nor a file in environments/.",
    "Choose one that there is, or add environments/<env>.yaml.",
)
ENVIRONMENT_NAME = Kind(
    "LISA119",
    "environment-name",
    "An environment's name is not letters, digits, hyphens and underscores.",
    "Rename it; it names a folder in generated/.",
)
OVERLAY_UNREAD = Kind(
    "LISA120",
    "overlay-unread",
    "A file in environments/ ends in `.yml` and is not read.",
    "Rename it so that it ends in `.yaml`.",
    Severity.WARNING,
)
OVERLAY_AMBIGUOUS = Kind(
    "LISA121",
    "overlay-ambiguous",
    "A list entry of an overlay matches several entries below it.",
    "Name the entry by its modelId.",
)
OPTION_PATH = Kind(
    "LISA122",
    "option-path",
    "The path of an option leads nowhere.",
    "Write a path such as `restApiConfig.instanceType` or `ecsModels[mistral7b].deploy`.",
)
OPTION_VALUE = Kind(
    "LISA123", "option-value", "The value of an option is not YAML.", "Quote the value: --set 'path=\"value\"'."
)

REQUIRED_MISSING = Kind("LISA201", "required-missing", "A required key is missing.", "Add the key.")
REQUIRED_BLANK = Kind("LISA202", "required-blank", "A required key has no value.", "Fill in the value.")
UNKNOWN_KEY = Kind("LISA203", "unknown-key", "A key is not one that LISA knows.", "Remove the key.")
MISPLACED_KEY = Kind("LISA204", "misplaced-key", "A key belongs to another block.", "Move the key.")
WRONG_TYPE = Kind("LISA205", "wrong-type", "A value is not of the type that its key wants.", "Write another value.")
NOT_A_CHOICE = Kind("LISA206", "not-a-choice", "A value is not one of those that its key takes.", "Choose one of them.")
WRONG_FORM = Kind("LISA207", "wrong-form", "A text does not have the form that its key wants.", "Correct the text.")
OUT_OF_RANGE = Kind(
    "LISA208",
    "out-of-range",
    "A number, or the size of a text or list, is out of its range.",
    "Choose a value within the range.",
)
INVALID = Kind("LISA209", "invalid", "A value is not valid for another reason.", "Correct the value.")
BOTH_FORMS = Kind(
    "LISA210",
    "both-forms",
    "A container has both `image` and the older `baseImage`.",
    "Keep `image` alone.",
)

LOCAL_FILE = Kind(
    "LISA401",
    "local-file",
    "A file that the configuration names by path cannot be used.",
    "Put the file into the project, or commit its checksum beside it as <path>.sha256.",
)
WEIGHTS_UNSTAGED = Kind(
    "LISA402",
    "weights-unstaged",
    "The weights of a hosted model are neither in weights.lock.json nor in models/.",
    "Run `lisa weights stage`, then commit weights.lock.json.",
    Severity.WARNING,
)
WEIGHTS_INCOMPLETE = Kind(
    "LISA403",
    "weights-incomplete",
    "A model in models/ is not whole, and was passed over.",
    "Run `lisa weights stage`, which fetches what is missing, or put the whole model there.",
    Severity.WARNING,
)
WEIGHTS_OUTDATED = Kind(
    "LISA404",
    "weights-outdated",
    "A model in models/ is not what weights.lock.json says; `lisa compile --check` finds it.",
    "Run `lisa compile` and commit weights.lock.json with generated/.",
    Severity.WARNING,
)
WEIGHTS_REFUSED = Kind(
    "LISA405",
    "weights-refused",
    "A model in models/ cannot be read, converted or locked.",
    "Mend that, or compile with `--no-weights`, which leaves models/ alone.",
)
WEIGHTS_DAMAGED = Kind(
    "LISA406",
    "weights-damaged",
    "A model in models/ lacks tensors that its safetensors record, as conversions before version 2 left them.",
    "Put its PyTorch checkpoint into models/<org>/<name> and run `lisa weights convert models/<org>/<name>`, or run"
    " `lisa weights fetch <org>/<name>`; then stage it again.",
)
WEIGHTS_UNCHECKED = Kind(
    "LISA407",
    "weights-unchecked",
    "A hosted model was locked by an older LISA, whose converter could drop tensors, and is not in models/.",
    "Run `lisa weights stage`, which checks the model in the bucket, then commit weights.lock.json.",
    Severity.WARNING,
)
AMI_UNPINNED = Kind(
    "LISA411",
    "ami-unpinned",
    "The AMI of some instances is not pinned: ami.<env>.lock.json does not have it, or is for another region.",
    "Run `lisa ami refresh --env <env>` and commit ami.<env>.lock.json, or set amiId: `lisa deploy` refuses otherwise.",
    Severity.WARNING,
)
AMI_LOCK_UNUSABLE = Kind(
    "LISA412",
    "ami-lock-unusable",
    "ami.<env>.lock.json cannot be read, or does not have the form of a lock file.",
    "Restore it from git, or remove it and run `lisa ami refresh --env <env>`.",
)
POLICY = Kind(
    "LISA481",
    "cdk-nag",
    "cdk-nag has a finding about a resource, and runCdkNag is on.",
    "Change what the finding is about, or set runCdkNag to false and see to it elsewhere.",
)
WAIVER_EXPIRED = Kind(
    "LISA482",
    "waiver-expired",
    "A waiver in policy/waivers.yaml is past its expiry, and waives nothing any more.",
    "Mend what it waived and remove it, or have its owner decide on a new date.",
)
WAIVER_UNUSED = Kind(
    "LISA483",
    "waiver-unused",
    "A waiver in policy/waivers.yaml waives no finding: its rule or its resource is not found.",
    "Remove it, or correct its rule and resource.",
    Severity.WARNING,
)
POLICY_STALE = Kind(
    "LISA484",
    "policy-stale",
    "The templates that `lisa policy` looked at are not those of the configuration as it is now.",
    "Run `lisa compile` first.",
    Severity.WARNING,
)
OUTPUT_STALE = Kind(
    "LISA491",
    "output-stale",
    "generated/ is not what the sources compile to.",
    "Run `lisa compile` and commit the result.",
)
OUTPUT_LEFT_OVER = Kind(
    "LISA492",
    "output-left-over",
    "generated/ has an environment that the configuration does not.",
    "Remove its folder.",
    severity=Severity.WARNING,
)

KINDS: tuple[Kind, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
"""Every kind above, in the order of the codes."""
