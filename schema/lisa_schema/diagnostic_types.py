"""Types of diagnostics: reading files (1xx) and their structure (2xx).

Those of output and artifacts are in lisa_schema.artifact_diagnostics. Rules (3xx, 5xx) are registered in
lisa_schema.rules.
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
