"""Prometheus metrics of the configuration, once for a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from lisa_gateway.configuration.document import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from lisa_gateway.configuration.state import State


class ConfigurationCollector(Collector):
    """Reads the supervisor's status at each scrape."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """The metrics."""
        status = self._state.status()
        if status is None:
            return
        info = GaugeMetricFamily(
            "lisa_gateway_configuration_info", "The configuration that is served.", labels=["digest"]
        )
        info.add_metric([status.digest], 1)
        yield info
        for name, text, value in (
            ("adopted_timestamp_seconds", "When it was adopted.", status.adopted),
            ("read_timestamp_seconds", "When the published one was last read.", status.read),
            ("pending", "1 while the published configuration is not the served one.", float(status.is_pending)),
        ):
            yield GaugeMetricFamily(f"lisa_gateway_configuration_{name}", text, value=value)
        faults = CounterMetricFamily(
            "lisa_gateway_configuration_faults", "Configurations not read or not adopted.", labels=["fault"]
        )
        for fault in Fault:
            faults.add_metric([fault], status.faults.get(fault, 0))
        yield faults
        yield CounterMetricFamily(
            "lisa_gateway_litellm_starts", "How often LiteLLM was started.", value=status.litellm_starts
        )
        yield CounterMetricFamily(
            "lisa_gateway_litellm_exits", "How often LiteLLM ended by itself.", value=status.litellm_exits
        )
