"""Rules about what code runs on, and about keys without effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from lisa_schema.diagnostics import Severity
from lisa_schema.gateway_image import OLDEST_GATEWAY_PYTHON, has_old_python, replacement
from lisa_schema.legacy_syntax import REST_API_CONTEXT
from lisa_schema.models import AssetImage, Config, PythonRuntime
from lisa_schema.regions import TABLE_DATE, lambda_runtime_deprecation, region
from lisa_schema.rules.registry import RuleViolation, rule

_SERVED_VERSION = "v2"
"""In the paths of the gateway; `/v1` is the interface of LISA 1.x, which neither of them uses."""


@rule("LISA370", "lambda-runtime-deprecated", "Use a newer pythonRuntime.", Severity.WARNING)
def lambda_runtime_deprecated(config: Config) -> Iterator[RuleViolation]:
    """`pythonRuntime` must not be deprecated on the date of the Region table."""
    runtime = config.lambda_config.python_runtime
    day = lambda_runtime_deprecation(runtime.identifier)
    if day is not None and day <= TABLE_DATE:
        at = ("lambdaConfig", "pythonRuntime")
        message = f"AWS Lambda deprecated {runtime.identifier} on {day.isoformat()}."
        yield RuleViolation(at, message, f"Use {_newest(config)}, the newest in this Region.", (("region",),))


@rule("LISA371", "lambda-runtime-offered", "Use a pythonRuntime that the Region offers.")
def lambda_runtime_offered(config: Config) -> Iterator[RuleViolation]:
    """The Region must offer pythonRuntime, according to the Region table."""
    home = region(config.region)
    runtime = config.lambda_config.python_runtime
    if home is not None and home.lambda_runtimes is not None and runtime.identifier not in home.lambda_runtimes:
        message = f"The Region {home.name} has no {runtime.identifier}."
        at = ("lambdaConfig", "pythonRuntime")
        yield RuleViolation(at, message, f"Write {_newest(config)}.", (("region",),))
    elif home is not None and home.lambda_runtimes is None and home.is_listed:
        message = (
            f"It is not known whether {home.name} has {runtime.identifier}: the Region table of {TABLE_DATE} has no "
            "runtimes of that Region."
        )
        fix = "Check it in the Lambda console of the Region."
        yield RuleViolation(("lambdaConfig", "pythonRuntime"), message, fix, (("region",),), Severity.WARNING)


@rule("LISA372", "gateway-python", "Set the baseImage to python:3.12 or newer.")
def gateway_python(config: Config) -> Iterator[RuleViolation]:
    """The gateway must be built on a supported Python; an old official image is replaced, with a warning."""
    image = config.rest_api_config.container_config.image
    if not isinstance(image, AssetImage) or not has_old_python(image.base_image):
        return
    at = ("restApiConfig", "containerConfig", "image", "baseImage")
    oldest = ".".join(map(str, OLDEST_GATEWAY_PYTHON))
    message = f"`{image.base_image}` has an unsupported Python version; the gateway requires {oldest} or newer."
    if str(PurePosixPath(image.path)) not in (".", REST_API_CONTEXT):
        # Your own build may install another Python.
        yield RuleViolation(at, message, severity=Severity.WARNING)
    elif (other := replacement(image.base_image)) is not None:
        yield RuleViolation(
            at, f"{message} It is built on `{other}` instead.", f"Write `{other}`.", (), Severity.WARNING
        )
    else:
        yield RuleViolation(at, message, "Write the name of an image with Python 3.12, such as python:3.12-slim.")


@rule("LISA373", "ignored-key", "Remove the key.", Severity.WARNING)
def ignored_key(config: Config) -> Iterator[RuleViolation]:
    """Keys that LISA 2.x accepts and ignores have no effect."""
    if config.lambda_config.vpc_autoscaling_config is not None:
        message = "`lambdaConfig.vpcAutoscalingConfig` has no effect, as in LISA 2.x."
        yield RuleViolation(("lambdaConfig", "vpcAutoscalingConfig"), message)


@rule("LISA375", "api-version", "Remove apiVersion, or set it to v2.", Severity.WARNING)
def api_version(config: Config) -> Iterator[RuleViolation]:
    """The chat application and RAG must call a version of the REST API that the gateway serves."""
    version = config.rest_api_config.api_version
    if version != _SERVED_VERSION:
        message = f"The gateway serves {_SERVED_VERSION}, but the chat application and RAG would call {version}."
        yield RuleViolation(("restApiConfig", "apiVersion"), message)


def _newest(config: Config) -> str:
    home = region(config.region)
    offered = home.lambda_runtimes if home is not None else None
    known = [runtime for runtime in PythonRuntime if offered is None or runtime.identifier in offered]
    return max(known or list(PythonRuntime), key=lambda runtime: int(runtime.version.partition(".")[2])).value
