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
    ScheduleTime,
    pattern_string,
)
from lisa_schema.models.enums import GatewayMetric, Weekday


class MetricConfig(ConfigModel):
    """The metric that capacity follows: one of the load balancer, or one of the gateway."""

    alb_metric_name: (
        Annotated[str, pattern_string(r"^[A-Za-z0-9_]+$", "the name of a CloudWatch metric, without spaces")] | None
    ) = Field(
        default=None,
        alias="AlbMetricName",
        description="Metric of the application load balancer.",
        examples=["RequestCountPerTarget"],
    )
    gateway_metric: GatewayMetric | None = Field(
        default=None,
        description=(
            "Metric of the gateway, instead of one of the load balancer: the requests of a hosted model that wait or "
            "run, for each instance."
        ),
    )
    target_value: Annotated[Number, Field(gt=0)] = Field(description="Target value of the metric.", examples=[30])
    duration: Positive = Field(
        default=60,
        description="Period of the metric in seconds. Load balancers publish each minute: any value means 60.",
    )
    estimated_instance_warmup: Count = Field(
        default=180, description="Seconds until a new instance is included in the metric."
    )


class CapacityWindow(ConfigModel):
    """A recurring time in which the capacity differs from `minCapacity` and `maxCapacity` of the service."""

    start: ScheduleTime = Field(
        description="When it starts, in local time: a time of day, or a cron expression.",
        examples=["20:00", "0 20 * * FRI"],
    )
    stop: ScheduleTime = Field(
        description=(
            "When it stops, and the capacity of the service applies again. A time of day that is not after `start` is "
            "of the next day."
        ),
        examples=["07:00", "0 7 * * MON"],
    )
    days: tuple[Weekday, ...] = Field(
        default=(), description="Days on which it starts, if `start` is a time of day; default: every day."
    )
    min_capacity: Count = Field(description="Instances at least. With 0, no instance runs and no request is served.")
    max_capacity: Count | None = Field(
        default=None,
        description="Instances at most; default: that of the service, or 0 if `minCapacity` is 0.",
    )
    desired_capacity: Count | None = Field(
        default=None, description="Instances when it starts; default: as many as run, within the limits."
    )


class CapacitySchedule(ConfigModel):
    """Recurring times with another capacity, such as none at night."""

    time_zone: str = Field(
        description="IANA time zone of all times; daylight saving time is followed.",
        examples=["Europe/Berlin", "America/New_York", "Etc/UTC"],
    )
    windows: Annotated[tuple[CapacityWindow, ...], Field(min_length=1, max_length=60)] = Field(
        description="The times; they must not overlap."
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
    schedule: CapacitySchedule | None = Field(
        default=None, description="Recurring times with another capacity; default: the same capacity at all times."
    )

    @property
    def least_capacity(self) -> int:
        """Fewest instances at any time."""
        windows = self.schedule.windows if self.schedule else ()
        return min([self.min_capacity, *(window.min_capacity for window in windows)])

    def most_in(self, window: CapacityWindow) -> int:
        """Most instances in a window."""
        if window.max_capacity is not None:
            return window.max_capacity
        return self.max_capacity if window.min_capacity else 0


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
