"""`make bench-gateway`: measures, and prints the table; `--markdown FILE` writes it between the marks of a file."""

from __future__ import annotations

import argparse
import os
import re
import sys
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


def run() -> str:
    """Measure everything, and return the table as Markdown.

    Raises:
        PartError: something did not start, or a request failed.
    """
    with parts() as started:
        litellm_rate, through_litellm = _litellm(started)
        rows = [
            *_latency(started),
            *_capacity(started, litellm_rate),
            *through_litellm,
            _nginx(started),
            *_streams(started),
        ]
    headings = ("", "directly", "through the gateway", "figure", "target", "")
    lines = ["| " + " | ".join(headings) + " |", "|---|---:|---:|---:|---|---|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines) + f"\n\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; one worker.\n"


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
    """When the first byte of a stream comes while 1000 are open, and what they leave in memory."""
    stub = started.stub()
    gateway = started.gateway(stub, hosts=True)
    stream = partial(load, concurrent=_STREAMS, requests=_STREAMS * 2, ramp=4.0, is_stream=True)
    stream(gateway, _SERVE + _CHAT)
    memory = gateway.memory
    direct = stream(stub, _CHAT)
    through = stream(gateway, _SERVE + _CHAT)
    grown = gateway.memory - memory
    rows = []
    for name, limit in (("p50", None), ("p99", _FIRST_BYTE_MS)):
        before, after = direct[f"first{name[1:]}"], through[f"first{name[1:]}"]
        added = after - before
        target, met = ("", None) if limit is None else (f"≤ {limit:g} ms", added <= limit)
        what = f"hosted model: first byte {name}, {_STREAMS} streams"
        rows.append(Row(what, f"{before:.0f} ms", f"{after:.0f} ms", f"{added:+.1f} ms", target, met))
    what = f"memory after {_STREAMS * 2} more streams"
    figure = f"{grown:+.1f} MiB"
    rows.append(Row(what, "", f"{gateway.memory:.0f} MiB", figure, f"≤ {_GROWTH_MIB:g} MiB", grown <= _GROWTH_MIB))
    return rows


def main() -> int:
    """Measure; returns 0, missed targets or not, and 1 when something did not run."""
    parser = argparse.ArgumentParser(prog="make bench-gateway", description="Measure the gateway.", allow_abbrev=False)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table between its marks in FILE")
    asked = parser.parse_args()
    try:
        table = run()
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
