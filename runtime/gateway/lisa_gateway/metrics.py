"""Prometheus metrics, summed over all workers, on a separate port."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
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
    _usual: dict[tuple[str, str, int], tuple[Counter, Histogram, Histogram]] = field(default_factory=dict)

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

    def observe(self, context: RequestContext, method: str, ended: float) -> None:
        """Count an exchange that has ended at `ended` (`time.perf_counter`)."""
        route = context.route
        requests, duration, first_byte = self._of(method, route, context.status)
        requests.inc()
        duration.observe(ended - context.began)
        if context.first_byte is not None:
            first_byte.observe(context.first_byte - context.began)
        if context.prompt_tokens:
            self.tokens.labels(route, "prompt").inc(context.prompt_tokens)
        if context.completion_tokens:
            self.tokens.labels(route, "completion").inc(context.completion_tokens)
        if context.error_reason:
            self.faults.labels(route, context.error_reason).inc()
        if context.model:
            self._observe_model(context, ended)

    def _observe_model(self, context: RequestContext, ended: float) -> None:
        model = context.model
        self.model_requests.labels(model, context.status).inc()
        self.model_duration.labels(model).observe(ended - context.began)
        if context.first_byte is not None:
            self.model_first_byte.labels(model).observe(context.first_byte - context.began)
        if context.prompt_tokens:
            self.model_tokens.labels(model, "prompt").inc(context.prompt_tokens)
        if context.completion_tokens:
            self.model_tokens.labels(model, "completion").inc(context.completion_tokens)

    def _of(self, method: str, route: str, status: int) -> tuple[Counter, Histogram, Histogram]:
        """What every request counts in; finding it by labels each time would cost more than counting."""
        found = self._usual.get((method, route, status))
        if found is None:
            found = (
                self.requests.labels(method, route, status),
                self.duration.labels(route),
                self.first_byte.labels(route),
            )
            self._usual[method, route, status] = found
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
