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
    target_value: Annotated[Number, Field(gt=0)] = Field(description="Target value of the metric.", examples=[30])
    duration: Positive = Field(
        default=60,
        description="Period of the metric in seconds. Load balancers publish each minute: any value means 60.",
    )
    estimated_instance_warmup: Count = Field(
        default=180, description="Seconds until a new instance is included in the metric."
    )


class AutoScalingConfig(ConfigModel):
    """How many instances run, and when that changes."""

    min_capacity: Positive = Field(default=1, description="Instances at least.")
    max_capacity: Positive = Field(default=2, description="Instances at most.")
    default_instance_warmup: Count = Field(default=180, description="Warm-up time of a new instance in seconds.")
    cooldown: Positive = Field(
        default=420,
        description=(
            "Default cooldown of the Auto Scaling group in seconds. Target tracking, which LISA uses, ignores it; "
            "set the warm-up times instead."
        ),
    )
    metric_config: MetricConfig = Field(description="Metric for scaling.")


class LoadBalancerHealthCheck(ConfigModel):
    """Health check of a target by the load balancer."""

    path: Annotated[str, pattern_string(r"^/\S*$", "a path that starts with a slash")] = Field(
        description="Path of the request.", examples=["/health"]
    )
    interval: Annotated[Integer, Field(ge=5, le=300)] = Field(default=30, description="Seconds between checks.")
    timeout: Annotated[Integer, Field(ge=2, le=120)] = Field(
        default=10, description="Seconds after which a check has failed."
    )
    healthy_threshold_count: Annotated[Integer, Field(ge=2, le=10)] = Field(
        default=2, description="Number of consecutive successful checks until a target is healthy."
    )
    unhealthy_threshold_count: Annotated[Integer, Field(ge=2, le=10)] = Field(
        default=2, description="Number of consecutive failed checks until a target is unhealthy."
    )


class LoadBalancerConfig(ConfigModel):
    """The application load balancer in front of a service."""

    ssl_cert_iam_arn: CertificateArn | None = Field(
        default=None,
        description="ARN of the IAM or ACM certificate; default: the load balancer uses HTTP.",
        examples=["arn:aws:iam::123456789012:server-certificate/lisa-dev"],
    )
    domain_name: DomainName | None = Field(
        default=None,
        description="Name for clients, instead of that of the load balancer; a private zone resolves it in the VPC.",
        examples=["lisa.example.com"],
    )
    hosted_zone_id: HostedZoneId | None = Field(
        default=None,
        description="Route 53 hosted zone for the record of `domainName`; default: you create the record.",
        examples=["Z0123456789ABCDEFGHIJ"],
    )
    health_check_config: LoadBalancerHealthCheck = Field(description="Health check of the targets.")
