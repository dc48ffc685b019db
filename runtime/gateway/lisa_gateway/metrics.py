"""Prometheus metrics, summed over all workers, on a separate port."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.registry import Collector

    from lisa_gateway.request_context import RequestContext

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of a worker.

    Attributes:
        requests: answered requests by method, route template and status.
        duration: seconds from a request's head to its answer's end, by route.
        first_byte: seconds to the first part of the answer's body, by route.
        tokens: tokens that answers say they took, by route and kind: prompt or completion.
        faults: requests that did not go as they should, by route and fault.
        model_requests: requests for a model by its name and the status; names are those that the routes have.
        model_duration: seconds of such a request, by model.
        model_first_byte: seconds to the first part of the answer's body, by model.
        model_tokens: tokens by model and kind.
        audit_lost: audit records that were dropped.
    """

    requests: Counter
    duration: Histogram
    first_byte: Histogram
    tokens: Counter
    faults: Counter
    model_requests: Counter
    model_duration: Histogram
    model_first_byte: Histogram
    model_tokens: Counter
    audit_lost: Counter
    _children: dict[tuple[Histogram, str], Histogram] = field(default_factory=dict)

    @classmethod
    def make(cls, registry: CollectorRegistry) -> Metrics:
        """Make the metrics and register them."""
        return cls(
            requests=Counter("lisa_gateway_requests", "Requests.", ("method", "route", "status"), registry=registry),
            duration=Histogram(
                "lisa_gateway_request_seconds", "Time of a request.", ("route",), registry=registry, buckets=_SECONDS
            ),
            first_byte=Histogram(
                "lisa_gateway_first_byte_seconds",
                "Time to the first part of a response body.",
                ("route",),
                registry=registry,
                buckets=_SECONDS,
            ),
            tokens=Counter("lisa_gateway_tokens", "Tokens by answers' usage.", ("route", "kind"), registry=registry),
            faults=Counter("lisa_gateway_faults", "Requests that failed.", ("route", "fault"), registry=registry),
            model_requests=Counter(
                "lisa_gateway_model_requests", "Requests for a model.", ("model", "status"), registry=registry
            ),
            model_duration=Histogram(
                "lisa_gateway_model_request_seconds",
                "Time of a request for a model.",
                ("model",),
                registry=registry,
                buckets=_SECONDS,
            ),
            model_first_byte=Histogram(
                "lisa_gateway_model_first_byte_seconds",
                "Time to the first part of a model's response body.",
                ("model",),
                registry=registry,
                buckets=_SECONDS,
            ),
            model_tokens=Counter(
                "lisa_gateway_model_tokens",
                "Tokens of a model by answers' usage.",
                ("model", "kind"),
                registry=registry,
            ),
            audit_lost=Counter("lisa_gateway_audit_lost", "Audit records that were dropped.", registry=registry),
        )

    def observe(self, exchanges: Iterable[tuple[RequestContext, str, float]]) -> None:
        """Count exchanges that have ended.

        Counters are increased once for all of them: an increment costs as much as parsing a request.

        Args:
            exchanges: for each its context, its method, and when it ended (`time.perf_counter`).
        """
        counted: defaultdict[tuple[Counter, tuple[object, ...]], int] = defaultdict(int)
        for context, method, ended in exchanges:
            route, model, seconds = context.route, context.model, ended - context.began
            first = None if context.first_byte is None else context.first_byte - context.began
            counted[self.requests, (method, route, context.status)] += 1
            counted[self.tokens, (route, "prompt")] += context.prompt_tokens
            counted[self.tokens, (route, "completion")] += context.completion_tokens
            self._child(self.duration, route).observe(seconds)
            if first is not None:
                self._child(self.first_byte, route).observe(first)
            if context.error_reason:
                counted[self.faults, (route, context.error_reason)] += 1
            if not model:
                continue
            counted[self.model_requests, (model, context.status)] += 1
            counted[self.model_tokens, (model, "prompt")] += context.prompt_tokens
            counted[self.model_tokens, (model, "completion")] += context.completion_tokens
            self._child(self.model_duration, model).observe(seconds)
            if first is not None:
                self._child(self.model_first_byte, model).observe(first)
        for (counter, labels), number in counted.items():
            if number:
                counter.labels(*labels).inc(number)

    def _child(self, histogram: Histogram, label: str) -> Histogram:
        """The histogram of a label, without the check and the lock that finding it costs each time."""
        found = self._children.get((histogram, label))
        if found is None:
            found = self._children[histogram, label] = histogram.labels(label)
        return found


def serve(port: int, folder: str, *, more: Collector | None = None) -> None:
    """Answer Prometheus on a port, from a thread of this process, with the sums over all workers.

    Args:
        port: the port.
        folder: where the workers write their metrics, their PROMETHEUS_MULTIPROC_DIR.
        more: metrics of the container.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    if more is not None:
        registry.register(more)
    start_http_server(port, registry=registry)
