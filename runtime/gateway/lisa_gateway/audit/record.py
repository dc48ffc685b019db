"""Audit records: who asked which model for what, and what it took; never what was said (`content` has that)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_gateway import logs

if TYPE_CHECKING:
    from lisa_gateway.request_context import Caller, RequestContext

NAMESPACE = "LISA"
"""CloudWatch namespace of the metrics in audit records."""

_MOST_GROUPS = 64
_SHOWN_BUDGET_PERCENT = 50
"""Share of a budget from which a record reports it, so that most records are short."""


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric whose value is a member of the record; `dimensions` are members beside the log group."""

    name: str
    unit: str
    dimensions: tuple[str, ...] = ()


def audit_line(context: RequestContext, method: str, ended: float, at: float, *, log_group: str) -> str:
    """The record of a request that has ended, as a line of JSON.

    Args:
        context: the request and its response.
        method: HTTP method.
        ended: when it ended, in `time.perf_counter` seconds.
        at: when it ended, in UNIX seconds.
        log_group: the log group of the records, which is the dimension of metrics.
    """
    record: dict[str, Any] = {
        "time": logs.timestamp(at),
        "requestId": context.request_id,
        "method": method,
        "route": context.route,
        "status": context.status,
        "milliseconds": round((ended - context.began) * 1000, 2),
        "bytesIn": context.bytes_in,
        "bytesOut": context.bytes_out,
    }
    if context.caller is not None:
        record["caller"] = _caller(context.caller)
        if context.caller.groups:
            record["groups"] = context.caller.groups[:_MOST_GROUPS]
    if context.model:
        record["model"] = context.model
    if context.first_byte is not None:
        record["firstByteMilliseconds"] = round((context.first_byte - context.began) * 1000, 2)
    if context.prompt_tokens or context.completion_tokens:
        record["tokensIn"] = context.prompt_tokens
        record["tokensOut"] = context.completion_tokens
        if context.has_estimated_tokens:
            record["tokensEstimated"] = True
    if context.error_reason:
        record["error"] = context.error_reason
    metrics = []
    if context.scaled_service:
        # Summed over a minute, these are the requests in flight (Little's law), which the service's capacity follows.
        record |= {"Service": context.scaled_service, "RequestMilliseconds": record["milliseconds"]}
        metrics.append(_Metric("RequestMilliseconds", "Milliseconds", ("Service",)))
    if context.audited_content:
        record["content"] = context.audited_content
        if context.audited_content != "recorded":
            record["AuditContentLost"] = 1
            metrics.append(_Metric("AuditContentLost", "Count"))
    if context.budget is not None and context.budget[1] >= _SHOWN_BUDGET_PERCENT:
        group, percent = context.budget
        record |= {"Group": group, "BudgetUsed": round(percent, 1)}
        metrics.append(_Metric("BudgetUsed", "Percent", ("Group",)))
    if metrics:
        record |= _published(at, log_group, metrics)
    return logs.encode(record) + "\n"


def loss_line(lost: int, at: float, *, log_group: str) -> str:
    """A line about records that could not be kept, in the place where they would be."""
    record: dict[str, Any] = {"time": logs.timestamp(at), "error": "audit_records_lost", "AuditRecordsLost": lost}
    return logs.encode(record | _published(at, log_group, [_Metric("AuditRecordsLost", "Count")])) + "\n"


def _caller(caller: Caller) -> dict[str, str]:
    """What a log may contain about a caller: ids and digests, and the owner that a token names."""
    found = {"kind": caller.kind, "id": caller.token_id or caller.name, "owner": caller.owner}
    return {name: value for name, value in found.items() if value}


def _published(at: float, log_group: str, metrics: Iterable[_Metric]) -> dict[str, Any]:
    """Metrics in CloudWatch's embedded metric format (CloudWatch User Guide, "Embedded metric format").

    Each is published for the log group alone, which an alarm watches, and for each value of its further dimensions.
    """
    published = [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [["LogGroup"], ["LogGroup", *metric.dimensions]] if metric.dimensions else [["LogGroup"]],
            "Metrics": [{"Name": metric.name, "Unit": metric.unit}],
        }
        for metric in metrics
    ]
    return {"_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": published}, "LogGroup": log_group}
