"""Capacity: how many instances there are, and what is in front of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lisa_schema.models.base import (
    CertificateArn,
    ConfigModel,
    Count,
    DomainName,
    HostedZoneId,
    Integer,
    Number,
    Positive,
    pattern_string,
)


class MetricConfig(ConfigModel):
    """The load balancer metric that capacity follows."""

    alb_metric_name: Annotated[
        str, pattern_string(r"^[A-Za-z0-9_]+$", "the name of a CloudWatch metric, without spaces")
    ] = Field(
        alias="AlbMetricName",
        description="Metric of the application load balancer.",
        examples=["RequestCountPerTarget"],
    )
    target_value: Annotated[Number, Field(gt=0)] = Field(
        description="Value at which the metric is held.", examples=[30]
    )
    duration: Positive = Field(
        default=60,
        description="Seconds over which the metric is taken. Load balancers publish each minute: any value means 60.",
    )
    estimated_instance_warmup: Count = Field(
        default=180, description="Seconds until a new instance counts towards the metric."
    )


class AutoScalingConfig(ConfigModel):
    """How many instances run, and when that changes."""

    min_capacity: Positive = Field(default=1, description="Instances at least.")
    max_capacity: Positive = Field(default=2, description="Instances at most.")
    default_instance_warmup: Count = Field(default=180, description="Seconds that a new instance needs.")
    cooldown: Positive = Field(
        default=420,
        description=(
            "Default cooldown of the Auto Scaling group in seconds. Target tracking, by which LISA scales, does not "
            "wait for it: set the warm-up times instead."
        ),
    )
    metric_config: MetricConfig = Field(description="What capacity follows.")


class LoadBalancerHealthCheck(ConfigModel):
    """Health check of a target by the load balancer."""

    path: Annotated[str, pattern_string(r"^/\S*$", "a path that begins with a slash")] = Field(
        description="Path that is asked.", examples=["/health"]
    )
    interval: Annotated[Integer, Field(ge=5, le=300)] = Field(default=30, description="Seconds between checks.")
    timeout: Annotated[Integer, Field(ge=2, le=120)] = Field(
        default=10, description="Seconds after which a check has failed."
    )
    healthy_threshold_count: Annotated[Integer, Field(ge=2, le=10)] = Field(
        default=2, description="Good checks in a row that make a target healthy."
    )
    unhealthy_threshold_count: Annotated[Integer, Field(ge=2, le=10)] = Field(
        default=2, description="Failed checks in a row that make a target unhealthy."
    )


class LoadBalancerConfig(ConfigModel):
    """The application load balancer in front of a service."""

    ssl_cert_iam_arn: CertificateArn | None = Field(
        default=None,
        description="ARN of the IAM or ACM certificate; without it the load balancer speaks plain HTTP.",
        examples=["arn:aws:iam::123456789012:server-certificate/lisa-dev"],
    )
    domain_name: DomainName | None = Field(
        default=None,
        description="Name for clients, instead of the load balancer's; in the VPC a private zone resolves it.",
        examples=["lisa.example.com"],
    )
    hosted_zone_id: HostedZoneId | None = Field(
        default=None,
        description="Route 53 hosted zone that gets a record for `domainName`; otherwise create the record yourself.",
        examples=["Z0123456789ABCDEFGHIJ"],
    )
    health_check_config: LoadBalancerHealthCheck = Field(description="Health check of the targets.")
