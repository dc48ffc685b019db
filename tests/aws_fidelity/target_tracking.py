"""How Amazon EC2 Auto Scaling follows a target tracking policy, from what CloudWatch has of its metric.

The rules are those of the Amazon EC2 Auto Scaling User Guide ("Target tracking scaling policies"): the policy has two
alarms, the high one of 3 minutes above the target, the low one of 15 minutes below 90 % of it. An alarm with
insufficient data starts no scaling. Proportional steps and warm-up are not modeled: a step is one instance.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HIGH_MINUTES = 3
LOW_MINUTES = 15
LOW_SHARE = 0.9


def values(configuration: Mapping[str, Any], published: Sequence[float | None]) -> list[float | None]:
    """The values that the policy's alarms see, of those that ELB published: one for each minute, None without one."""
    custom = configuration.get("CustomizedMetricSpecification")
    if custom is None:
        # Auto Scaling evaluates the predefined metric with its missing minutes as they are.
        assert configuration["PredefinedMetricSpecification"]["PredefinedMetricType"] == "ALBRequestCountPerTarget"
        return list(published)
    if "Metrics" not in custom:
        return list(published)
    queries = {query["Id"]: query for query in custom["Metrics"]}
    [returned] = [query for query in queries.values() if query.get("ReturnData", True)]
    filled = re.fullmatch(r"FILL\((\w+), ?(\d+)\)", returned["Expression"])
    assert filled is not None
    assert "MetricStat" in queries[filled[1]]
    return [float(filled[2]) if value is None else value for value in published]


def step(target: float, seen: Sequence[float | None]) -> int:
    """By how many instances the group changes after the last minute: 1, 0 or -1."""
    high, low = seen[-HIGH_MINUTES:], seen[-LOW_MINUTES:]
    if len(high) == HIGH_MINUTES and all(value is not None and value > target for value in high):
        return 1
    if len(low) == LOW_MINUTES and all(value is not None and value < LOW_SHARE * target for value in low):
        return -1
    return 0


def capacity(configuration: Mapping[str, Any], published: Sequence[float | None], *, least: int, most: int) -> int:
    """Instances after all the minutes, from the least."""
    count, since = least, 0
    for minute in range(1, len(published) + 1):
        change = step(float(configuration["TargetValue"]), values(configuration, published[since:minute]))
        if change and least <= count + change <= most:
            count, since = count + change, minute
    return count
