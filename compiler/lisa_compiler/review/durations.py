"""How long a model needs until it serves, estimated from its weights and its instance type.

The figures are ranges on assumptions that the text names; no AWS account was measured. The network performance is that
of the instance type (DescribeInstanceTypes). Times to launch, boot and join an ECS cluster, to pull an image of 5 to
10 GB, and to read from NVMe instance stores and gp3 volumes are assumed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lisa_schema.connection_times import DEREGISTRATION_SECONDS
from lisa_schema.instances import instance_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.review.output import Output

_LAUNCH_SECONDS: Final = (90, 240)
"""Launch, boot, join."""

_IMAGE_SECONDS: Final = (60, 300)
_ENGINE_SECONDS: Final = (30, 240)
"""Start of the server, without reading the weights: imports, compilation, memory profiling, CUDA graphs."""

_NETWORK_SHARE: Final = (0.15, 0.8)
"""Of the network performance of the type, which a burst reaches for a while."""

_FASTEST: Final = 5e9
"""Bytes in a second that one instance gets from S3 at most."""

_READ_BYTES: Final = (300e6, 2e9)
"""Bytes of weights in a second that reach the GPUs from the instance's disk."""

_NETWORK: Final = re.compile(r"(?:Up to )?(?:(\d+)x )?([\d.]+) Gigabit")
_CHECK: Final = {"interval": 30, "healthyThresholdCount": 2}
_TEMPLATE: Final = "AWS::EC2::LaunchTemplate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """How long a model is unavailable.

    Attributes:
        low: minutes at least; None if it is unknown.
        high: minutes at most, on the assumptions; None likewise.
        basis: what the estimate rests on, or why there is none, for people.
    """

    low: int | None
    high: int | None
    basis: str

    def __str__(self) -> str:
        if self.low is None:
            return f"an unknown time ({self.basis})"
        minutes = str(self.low) if self.low == self.high else f"{self.low}\N{EN DASH}{self.high}"
        return f"about {minutes} minutes (estimate: {self.basis})"


def start_duration(output: Output, component: str, *, drains: bool, launches: bool) -> Duration | None:
    """Estimate how long a model is unavailable while it starts; None for another component than a model's.

    Args:
        output: the output that is deployed.
        component: the stack.
        drains: whether requests in flight may delay the start, because the previous task has the only place.
        launches: whether an instance is launched, rather than a container started on one that runs.
    """
    config = output.models().get(component)
    if config is None:
        return None
    kind = _instance_type(output, component)
    size = _bytes(output.weights.get(str(config.get("modelName")), {}))
    rate = _rate(kind)
    if size is None or rate is None:
        why = "weights are not staged" if size is None else f"the network performance of {kind} is not known"
        return Duration(low=None, high=None, basis=why)
    check = {**_CHECK, **config.get("loadBalancerConfig", {}).get("healthCheckConfig", {})}
    healthy = int(check["interval"]) * int(check["healthyThresholdCount"])
    parts = [
        (size / rate / _NETWORK_SHARE[1], size / rate / _NETWORK_SHARE[0]) if launches else (0.0, 0.0),
        (size / _READ_BYTES[1], size / _READ_BYTES[0]),
        _ENGINE_SECONDS,
        _IMAGE_SECONDS,
        _LAUNCH_SECONDS if launches else (0, 0),
        (0, DEREGISTRATION_SECONDS) if drains else (0, 0),
        (healthy, healthy),
    ]
    low, high = (sum(part[side] for part in parts) for side in (0, 1))
    basis = [f"{size / 1e9:.1f} GB of weights", *(["network of the type"] if launches else []), "reading them"]
    basis += ["image", "start of the server"]
    basis += [*(["launch and boot"] if launches else []), "health checks"]
    if drains:
        basis.append(f"up to {DEREGISTRATION_SECONDS // 60} for requests in flight")
    return Duration(low=max(1, round(low / 60)), high=math.ceil(high / 60), basis=", ".join(basis))


def _instance_type(output: Output, component: str) -> str:
    for resource in output.stacks[component].resources.values():
        if resource.type == _TEMPLATE:
            return str(resource.properties["LaunchTemplateData"]["InstanceType"])
    return ""


def _rate(name: str) -> float | None:
    """Bytes in a second of a type's network performance; None where it is a word."""
    found = instance_type(name)
    match = _NETWORK.fullmatch(found.network) if found else None
    return min(float(match[1] or 1) * float(match[2]) * 1e9 / 8, _FASTEST) if match else None


def _bytes(weights: Mapping[str, Any]) -> int | None:
    size = weights.get("totalBytes")
    return size if isinstance(size, int) else None
