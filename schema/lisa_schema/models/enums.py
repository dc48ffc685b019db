"""The words that a field may be."""

from __future__ import annotations

from enum import StrEnum


class RemovalPolicy(StrEnum):
    """Whether buckets, tables and databases are retained or deleted with their stack."""

    DESTROY = "destroy"
    RETAIN = "retain"


class AccessDefault(StrEnum):
    """Whether callers may use what `accessConfig` does not restrict."""

    CLOSED = "closed"
    OPEN = "open"


class ObjectLock(StrEnum):
    """How S3 keeps objects from being changed or deleted before their retention ends."""

    NONE = "none"
    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


class LogLevel(StrEnum):
    """Log level."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class GatewayMetric(StrEnum):
    """A metric that the gateway publishes of a model."""

    REQUESTS_IN_FLIGHT = "RequestsInFlight"


class Weekday(StrEnum):
    """A day of the week."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


class ModelType(StrEnum):
    """What a model does."""

    TEXTGEN = "textgen"
    EMBEDDING = "embedding"


class InferenceContainer(StrEnum):
    """The server that a model runs in."""

    TGI = "tgi"
    TEI = "tei"
    INSTRUCTOR = "instructor"
    VLLM = "vllm"
    SGLANG = "sglang"


class RepositoryType(StrEnum):
    """The store behind a RAG repository."""

    OPENSEARCH = "opensearch"
    PGVECTOR = "pgvector"


class FunctionUser(StrEnum):
    """The user of a database that the RAG function signs in as."""

    IAM = "iam"
    PASSWORD = "password"  # noqa: S105  # a kind of user
    CONFIGURED = "configured"


class StackSynthesizer(StrEnum):
    """The CDK stack synthesizer: whose credentials deploy, and where assets go."""

    CLI_CREDENTIALS = "CliCredentialsStackSynthesizer"
    DEFAULT = "DefaultStackSynthesizer"
    LEGACY = "LegacyStackSynthesizer"


class PythonRuntime(StrEnum):
    """Python runtime of the Lambda functions."""

    PYTHON_3_8 = "PYTHON_3_8"
    PYTHON_3_9 = "PYTHON_3_9"
    PYTHON_3_10 = "PYTHON_3_10"
    PYTHON_3_11 = "PYTHON_3_11"
    PYTHON_3_12 = "PYTHON_3_12"
    PYTHON_3_13 = "PYTHON_3_13"

    @property
    def version(self) -> str:
        """The Python version, as `3.12`."""
        return self.value.removeprefix("PYTHON_").replace("_", ".")

    @property
    def identifier(self) -> str:
        """The name that AWS Lambda gives the runtime, as `python3.12`."""
        return f"python{self.version}"
