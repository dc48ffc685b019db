"""`make bench-gateway`: measures, and prints the table; `--markdown FILE` writes it between the marks of a file."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.gateway.processes import LITELLM, NGINX, PartError, Parts, load, parts

_BEGIN, _END = "<!-- gateway figures: begin -->", "<!-- gateway figures: end -->"
_CHAT = "/chat/completions"
_SERVE = "/v2/serve"
_CONCURRENT = 50
_STREAMS = 1000
_EVENTS = 100
_STREAM_SECONDS = 10.0
"""A stream has so many events, one every 100 ms."""

_REQUESTS = 10_000
_ADDED_P50_MS, _ADDED_P99_MS = 1.0, 8.0
_RATE, _CPU_US = 2000.0, 400.0
_TIMES_LITELLM = 30.0
_FIRST_BYTE_MS = 5.0
_GROWTH_MIB = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    direct: str
    through: str
    figure: str
    target: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """Its cells."""
        verdict = "" if self.met is None else "met" if self.met else "missed"
        return self.what, self.direct, self.through, self.figure, self.target, verdict


def run(*, only_streams: bool = False) -> str:
    """Measure everything or the streams alone, and return the table as Markdown.

    Raises:
        PartError: something did not start, or a request failed.
    """
    with parts() as started:
        rows = _streams(started) if only_streams else _all(started)
    headings = ("", "directly", "through the gateway", "figure", "target", "")
    lines = ["| " + " | ".join(headings) + " |", "|---|---:|---:|---:|---|---|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines) + f"\n\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; one worker.\n"


def _all(started: Parts) -> list[Row]:
    litellm_rate, through_litellm = _litellm(started)
    return [
        *_latency(started),
        *_capacity(started, litellm_rate),
        *through_litellm,
        _nginx(started),
        *_streams(started),
    ]


def _latency(started: Parts) -> list[Row]:
    """What comes on top of the 50 to 150 ms that a model says it took; in turns, so that load meets both."""
    stub = started.stub(50, 150)
    gateway = started.gateway(stub, hosts=True)
    load(gateway, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=1000)
    direct, through = [], []
    for _ in range(3):
        direct.append(load(stub, _CHAT, concurrent=_CONCURRENT, requests=3000))
        through.append(load(gateway, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=3000))
    rows = []
    for name, limit in (("p50", _ADDED_P50_MS), ("p99", _ADDED_P99_MS)):
        key = f"added{name[1:]}"
        before, after = (sorted(figures[key] for figures in taken)[1] for taken in (direct, through))
        added = after - before
        what = f"hosted model: latency beyond the model's own, {name}, {_CONCURRENT} at once"
        added_text = f"{added:+.1f} ms"
        rows.append(Row(what, f"{before:.1f} ms", f"{after:.1f} ms", added_text, f"≤ {limit:g} ms", added <= limit))
    return rows


def _capacity(started: Parts, litellm_rate: float) -> list[Row]:
    """How many requests for a hosted model a worker passes on, and whether its memory grows."""
    stub = started.stub()
    gateway = started.gateway(stub, hosts=True)
    load(gateway, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=3000)
    memory, cpu = gateway.memory, gateway.cpu_seconds
    direct = load(stub, _CHAT, concurrent=_CONCURRENT, requests=_REQUESTS)["rate"]
    through = load(gateway, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=_REQUESTS)["rate"]
    cpu, grown = gateway.cpu_seconds - cpu, gateway.memory - memory
    cpu_us = cpu / _REQUESTS * 1e6
    rows = [
        Row(
            "hosted model: requests a second of a worker",
            f"{direct:.0f}",
            f"{through:.0f}",
            "",
            f"≥ {_RATE:g}/s",
            through >= _RATE,
        ),
        Row("processor time of a request", "", f"{cpu_us:.0f} µs", "", f"≤ {_CPU_US:g} µs", cpu_us <= _CPU_US),
        Row(
            f"memory after {_REQUESTS} requests",
            "",
            f"{gateway.memory:.0f} MiB",
            f"{grown:+.1f} MiB",
            f"≤ {_GROWTH_MIB:g} MiB",
            grown <= _GROWTH_MIB,
        ),
    ]
    if litellm_rate:
        times = through / litellm_rate
        target = f"≥ {_TIMES_LITELLM:g}x"
        what = "hosted model, compared with the way through LiteLLM"
        rows.insert(1, Row(what, "", f"{through:.0f}", f"{times:.0f}x", target, times >= _TIMES_LITELLM))
    return rows


def _litellm(started: Parts) -> tuple[float, list[Row]]:
    """The rate of the way through the gateway and LiteLLM; nothing where LiteLLM is not installed."""
    if not LITELLM.exists():
        return 0.0, [Row("LiteLLM", "", "", "not installed: `make gateway-parts`")]
    litellm = started.litellm(started.stub())
    gateway = started.gateway(litellm)
    load(litellm, _CHAT, concurrent=10, requests=50)
    direct = load(litellm, _CHAT, concurrent=_CONCURRENT, requests=500)
    through = load(gateway, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=500)
    kept = f"{through['rate'] / direct['rate']:.2f}x"
    row = Row("LiteLLM, requests a second", f"{direct['rate']:.0f}", f"{through['rate']:.0f}", kept)
    return through["rate"], [row]


def _nginx(started: Parts) -> Row:
    """The rate of a bare reverse proxy in the gateway's place, as the limit."""
    if NGINX is None:
        return Row("nginx", "", "", "not installed: `apt-get install nginx-light`")
    stub = started.stub()
    proxy = started.nginx(stub)
    load(proxy, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=1000)
    direct = load(stub, _CHAT, concurrent=_CONCURRENT, requests=_REQUESTS)["rate"]
    through = load(proxy, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=_REQUESTS)["rate"]
    return Row("nginx instead of the gateway, requests a second", f"{direct:.0f}", f"{through:.0f}", "the limit")


def _streams(started: Parts) -> list[Row]:
    """When the first byte of a stream comes while 1000 are open, what an event costs, and what remains in memory.

    Each stream has an event every 100 ms for ten seconds. In the first shape, which is that of users, 100 streams begin
    and end each second; in the second, all begin at once, which takes as long as their requests one after the other.
    """
    stub = started.stub(events=_EVENTS)
    gateway = started.gateway(stub, hosts=True)
    others = [] if NGINX is None else [("nginx", started.nginx(stub), _SERVE + _CHAT)]
    measured = [("", gateway, _SERVE + _CHAT), *others]
    steady = partial(load, concurrent=_STREAMS, requests=_STREAMS, ramp=_STREAM_SECONDS, is_stream=True)
    burst = partial(load, concurrent=_STREAMS, requests=_STREAMS, is_stream=True)
    burst(gateway, _SERVE + _CHAT)
    memory = gateway.memory
    rows = []
    direct = steady(stub, _CHAT)
    costs = {}
    for name, part, path in measured:
        cpu = part.cpu_seconds
        through = steady(part, path)
        # The streams of the ramp, those that count, and the last ones, which are half over on average.
        costs[name] = (part.cpu_seconds - cpu) / (2.5 * _STREAMS * _EVENTS) * 1e6
        rows += _first_byte(
            f"{_STREAMS} open, {_STREAMS / _STREAM_SECONDS:.0f} new ones a second", name, direct, through
        )
    for name, cost in costs.items():
        rows.append(Row(f"{_subject(name)}: processor time of an event, requests included", "", f"{cost:.0f} µs", ""))
    direct = burst(stub, _CHAT)
    for name, part, path in measured:
        rows += _first_byte(f"{_STREAMS} at once", name, direct, burst(part, path), limit=None)
    grown = gateway.memory - memory
    what = f"memory after {_STREAMS * 3.5:.0f} more streams"
    figure = f"{grown:+.1f} MiB"
    rows.append(Row(what, "", f"{gateway.memory:.0f} MiB", figure, f"≤ {_GROWTH_MIB:g} MiB", grown <= _GROWTH_MIB))
    return rows


def _first_byte(
    shape: str,
    name: str,
    direct: dict[str, float],
    through: dict[str, float],
    *,
    limit: float | None = _FIRST_BYTE_MS,
) -> Iterator[Row]:
    """Rows of the first byte of streams; the target is the gateway's, not nginx's."""
    for quantile in ("p50", "p99"):
        before, after = direct[f"first{quantile[1:]}"], through[f"first{quantile[1:]}"]
        added = after - before
        has_target = limit is not None and quantile == "p99" and not name
        target, met = (f"≤ {limit:g} ms", added <= limit) if has_target and limit is not None else ("", None)
        what = f"{_subject(name)}: first byte {quantile}, streams: {shape}"
        yield Row(what, f"{before:.1f} ms", f"{after:.1f} ms", f"{added:+.1f} ms", target, met)


def _subject(name: str) -> str:
    return f"{name} instead of the gateway" if name else "hosted model"


def main() -> int:
    """Measure; returns 0, missed targets or not, and 1 when something did not run."""
    parser = argparse.ArgumentParser(prog="make bench-gateway", description="Measure the gateway.", allow_abbrev=False)
    parser.add_argument("--only-streams", action="store_true", help="measure the streams alone")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table between its marks in FILE")
    asked = parser.parse_args()
    try:
        table = run(only_streams=asked.only_streams)
    except PartError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(table)
    if asked.markdown:
        text = asked.markdown.read_text(encoding="utf-8")
        pattern = rf"{re.escape(_BEGIN)}.*?{re.escape(_END)}"
        whole = f"{_BEGIN}\n{table}{_END}"
        asked.markdown.write_text(re.sub(pattern, lambda _: whole, text, flags=re.DOTALL), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
