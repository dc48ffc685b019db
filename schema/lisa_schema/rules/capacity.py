"""Rules about capacity and health checks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.models import Config, RestApiConfig
from lisa_schema.regions import region
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import services

_ALB_METRICS: Final = (
    "ActiveConnectionCount",
    "ConsumedLCUs",
    "HTTPCode_ELB_5XX_Count",
    "HTTPCode_Target_2XX_Count",
    "HTTPCode_Target_4XX_Count",
    "HTTPCode_Target_5XX_Count",
    "HealthyHostCount",
    "NewConnectionCount",
    "PeakLCUs",
    "ProcessedBytes",
    "RejectedConnectionCount",
    "RequestCount",
    "RequestCountPerTarget",
    "TargetConnectionErrorCount",
    "TargetResponseTime",
    "UnHealthyHostCount",
)
# Parameter Store allows 15 levels in a name (Systems Manager User Guide), of which LISA adds up to three.
_PREFIX_LEVELS: Final = 12
_PUBLISHED_SECONDS: Final = 60
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_TAG: Final = re.compile(r"[\w .:/=+@-]*\Z")
"""Characters of tags that all services accept (Tag Editor User Guide, "Tag naming limits and requirements")."""

_NOT_BY_LOAD: Final = frozenset({"HealthyHostCount", "UnHealthyHostCount", "ConsumedLCUs", "PeakLCUs"})
_SECONDS_AT_MOST: Final = 60


@rule("LISA310", "capacity-order", "Increase maxCapacity or decrease minCapacity.")
def capacity_order(config: Config) -> Iterator[RuleViolation]:
    """`minCapacity` must not be greater than maxCapacity."""
    for path, service in services(config):
        scaling = service.auto_scaling_config
        if scaling.min_capacity > scaling.max_capacity:
            block = (*path, "autoScalingConfig")
            message = f"minCapacity {scaling.min_capacity} is more than maxCapacity {scaling.max_capacity}."
            yield RuleViolation((*block, "minCapacity"), message, None, ((*block, "maxCapacity"),))


@rule("LISA311", "target-check-timeout", "Decrease the timeout or increase the interval.")
def target_check_timeout(config: Config) -> Iterator[RuleViolation]:
    """The timeout of a load balancer's health check must be less than its interval."""
    for path, service in services(config):
        check = service.load_balancer_config.health_check_config
        if check.timeout >= check.interval:
            block = (*path, "loadBalancerConfig", "healthCheckConfig")
            message = f"The timeout of {check.timeout} s must be less than the interval of {check.interval} s."
            yield RuleViolation((*block, "timeout"), message, None, ((*block, "interval"),))


@rule(
    "LISA312", "container-check-command", "Start with CMD-SHELL and one shell command, or with CMD and its arguments."
)
def container_check_command(config: Config) -> Iterator[RuleViolation]:
    """A container's health check command must begin with CMD or CMD-SHELL."""
    for path, service in services(config):
        command = service.container_config.health_check_config.command
        if command[0] not in ("CMD", "CMD-SHELL") or len(command) < 2:
            at = (*path, "containerConfig", "healthCheckConfig", "command")
            yield RuleViolation(at, "The health check command does not start with CMD or CMD-SHELL, as ECS requires.")


@rule("LISA313", "metric-duration", "Write 60, or remove `duration`.", Severity.WARNING)
def metric_duration(config: Config) -> Iterator[RuleViolation]:
    """The duration of a metric must be 60 seconds, the interval at which load balancers publish it."""
    for path, service in services(config):
        duration = service.auto_scaling_config.metric_config.duration
        if duration != _PUBLISHED_SECONDS:
            at = (*path, "autoScalingConfig", "metricConfig", "duration")
            message = f"A `duration` of {duration} seconds has no effect: load balancers publish metrics each minute."
            yield RuleViolation(at, message)


@rule("LISA314", "alb-metric-known", "Use a metric of the Application Load Balancer.", Severity.WARNING)
def alb_metric_known(config: Config) -> Iterator[RuleViolation]:
    """AlbMetricName must be a metric of an Application Load Balancer that falls when instances are added."""
    for path, service in services(config):
        name = service.auto_scaling_config.metric_config.alb_metric_name
        if name is None:
            continue
        if name not in _ALB_METRICS:
            at = (*path, "autoScalingConfig", "metricConfig", "AlbMetricName")
            near = difflib.get_close_matches(name, _ALB_METRICS, 1)
            fix = f"Write {near[0]}." if near else None
            yield RuleViolation(
                at, f"Unknown Application Load Balancer metric `{name}`; the service would not scale.", fix
            )
        elif name in _NOT_BY_LOAD or name.startswith("HTTPCode_"):
            at = (*path, "autoScalingConfig", "metricConfig", "AlbMetricName")
            message = f"`{name}` does not fall when instances are added: the service would scale to a limit, or never."
            yield RuleViolation(at, message, "Write RequestCountPerTarget.")
        elif name == "TargetResponseTime" and service.auto_scaling_config.metric_config.target_value > _SECONDS_AT_MOST:
            at = (*path, "autoScalingConfig", "metricConfig", "targetValue")
            value = service.auto_scaling_config.metric_config.target_value
            message = f"The target of {value:g} is in seconds, so that the service would hardly ever scale."
            yield RuleViolation(at, message, f"Write {value / 1000:g}, if you mean milliseconds.")


@rule("LISA557", "scaling-metric", "Set `AlbMetricName`, for example to RequestCountPerTarget, or `gatewayMetric`.")
def scaling_metric(config: Config) -> Iterator[RuleViolation]:
    """A service must scale with one metric: of its load balancer, or, for a hosted model, of the gateway."""
    home = region(config.region)
    is_isolated = home is not None and home.is_iso
    for path, service in services(config):
        metric = service.auto_scaling_config.metric_config
        at = (*path, "autoScalingConfig", "metricConfig")
        if metric.gateway_metric is None:
            if metric.alb_metric_name is None:
                yield RuleViolation(at, "`metricConfig` has no metric.")
        elif metric.alb_metric_name is not None:
            yield RuleViolation((*at, "gatewayMetric"), "`metricConfig` has two metrics.", "Remove one of them.")
        elif isinstance(service, RestApiConfig):
            message = "The gateway cannot scale with `gatewayMetric`, which it publishes of hosted models."
            yield RuleViolation((*at, "gatewayMetric"), message, "Use `AlbMetricName`.")
        elif is_isolated:
            message = f"It is unknown whether target tracking supports metric math in {config.region}."
            yield RuleViolation((*at, "gatewayMetric"), message, "Use `AlbMetricName`.")


@rule("LISA315", "environment-variable-name", "Use letters, digits and underscores.")
def environment_variable_name(config: Config) -> Iterator[RuleViolation]:
    """The name of an environment variable must be valid."""
    for path, service in services(config):
        for name in service.container_config.environment:
            if not _VARIABLE.match(name):
                at = (*path, "containerConfig", "environment", name)
                yield RuleViolation(at, f"`{name}` is not a valid name of an environment variable.")


@rule("LISA316", "tag-keys", "Rename or remove the tag.")
def tag_keys(config: Config) -> Iterator[RuleViolation]:
    """Tag keys must be unique and must not begin with `aws:`; tags have no other characters than IAM accepts."""
    seen: set[str] = set()
    for index, tag in enumerate(config.tags):
        if tag.key in seen:
            yield RuleViolation(("tags", index, "Key"), f"Duplicate tag `{tag.key}`.")
        if tag.key.lower().startswith("aws:"):
            yield RuleViolation(("tags", index, "Key"), f"The tag key `{tag.key}` is reserved for AWS.")
        for key, text in (("Key", tag.key), ("Value", tag.value)):
            wrong = sorted({character for character in text if not _TAG.match(character)})
            if wrong:
                message = f"A tag must not contain `{''.join(wrong)}`: IAM, Amazon S3 and Amazon ECS reject it."
                fix = "Use letters, digits, spaces and _ . : / = + - @."
                yield RuleViolation(("tags", index, key), message, fix)
        seen.add(tag.key)
    if len(config.tags) > 40:
        yield RuleViolation(
            ("tags",), f"{len(config.tags)} tags are configured; AWS allows 50, including those that LISA adds."
        )


@rule("LISA317", "deployment-prefix-free", "Start the prefix with another word.")
def deployment_prefix_free(config: Config) -> Iterator[RuleViolation]:
    """The deploymentPrefix must not begin with `aws` or `ssm`, which Parameter Store reserves."""
    levels = config.deployment_prefix.count("/")
    if levels > _PREFIX_LEVELS:
        message = f"The prefix has {levels} levels; LISA adds 3, and Parameter Store allows 15 in a name."
        yield RuleViolation(("deploymentPrefix",), message, f"Shorten the prefix to at most {_PREFIX_LEVELS} levels.")
    first = config.deployment_prefix.split("/")[1].lower()
    if first.startswith(("aws", "ssm")):
        also = (("deploymentStage",),)
        yield RuleViolation(
            ("deploymentPrefix",), f"Parameter Store reserves names that start with /{first}.", None, also
        )
