"""`make bench-gateway`: measures, and prints the table; `--markdown FILE` writes it between the marks of a file."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.gateway.processes import LITELLM, PartError, Parts, load, parts

_BEGIN, _END = "<!-- gateway figures: begin -->", "<!-- gateway figures: end -->"
_CHAT = "/chat/completions"
_SERVE = "/v2/serve"
_CONCURRENT = 50
_STREAMS = 500
_REQUESTS = 10_000
_ADDED_P50_MS, _ADDED_P99_MS = 2.0, 10.0
_RATE, _CPU_US = 2000.0, 400.0
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
        litellm_rate, rows = _litellm(started)
        rows = [*_latency(started), *_capacity(started, litellm_rate), *rows, *_streams(started)]
    headings = ("", "directly", "through the gateway", "figure", "target", "")
    lines = ["| " + " | ".join(headings) + " |", "|---|---:|---:|---:|---|---|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines) + f"\n\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; one worker.\n"


def _latency(started: Parts) -> list[Row]:
    """What comes on top of the 50 to 150 ms that a model says it took; in turns, so that load meets both."""
    stub = started.stub(50, 150)
    gateway = started.gateway(stub)
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
        what = f"latency beyond the model's own, {name}, {_CONCURRENT} at once"
        added_text = f"{added:+.1f} ms"
        rows.append(Row(what, f"{before:.1f} ms", f"{after:.1f} ms", added_text, f"≤ {limit:g} ms", added <= limit))
    return rows


def _capacity(started: Parts, litellm_rate: float) -> list[Row]:
    """How many requests a worker passes through, and whether its memory grows."""
    stub = started.stub()
    gateway = started.gateway(stub)
    load(gateway, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=3000)
    memory, cpu = gateway.memory, gateway.cpu_seconds
    direct = load(stub, _CHAT, concurrent=_CONCURRENT, requests=_REQUESTS)["rate"]
    through = load(gateway, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=_REQUESTS)["rate"]
    cpu, grown = gateway.cpu_seconds - cpu, gateway.memory - memory
    factor = f"{through / litellm_rate:.0f}x LiteLLM" if litellm_rate else ""
    target = f"≥ {_RATE:g}/s"
    cpu_us = cpu / _REQUESTS * 1e6
    return [
        Row("requests a second of a worker", f"{direct:.0f}", f"{through:.0f}", factor, target, through >= _RATE),
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


def _litellm(started: Parts) -> tuple[float, list[Row]]:
    """LiteLLM's own speed, directly and behind the gateway; nothing where it is not installed."""
    if not LITELLM.exists():
        return 0.0, [Row("LiteLLM", "", "", "not installed: `make gateway-parts`")]
    litellm = started.litellm(started.stub())
    gateway = started.gateway(litellm)
    load(litellm, _CHAT, concurrent=10, requests=50)
    direct = load(litellm, _CHAT, concurrent=_CONCURRENT, requests=500)
    through = load(gateway, _SERVE + _CHAT, concurrent=_CONCURRENT, requests=500)
    kept = f"{through['rate'] / direct['rate']:.2f}x"
    row = Row("LiteLLM, requests a second", f"{direct['rate']:.0f}", f"{through['rate']:.0f}", kept)
    return direct["rate"], [row]


def _streams(started: Parts) -> list[Row]:
    """When the first byte of a stream comes while 500 are open."""
    stub = started.stub()
    gateway = started.gateway(stub)
    load(gateway, _SERVE + _CHAT, concurrent=50, requests=50, is_stream=True)
    direct = load(stub, _CHAT, concurrent=_STREAMS, requests=_STREAMS * 2, ramp=2, is_stream=True)
    through = load(gateway, _SERVE + _CHAT, concurrent=_STREAMS, requests=_STREAMS * 2, ramp=2, is_stream=True)
    return [
        Row(
            f"first byte {name[5:]}, {_STREAMS} streams".replace("byte ", "byte p"),
            f"{direct[name]:.0f} ms",
            f"{through[name]:.0f} ms",
            f"{through[name] - direct[name]:+.0f} ms",
        )
        for name in ("first50", "first99")
    ]


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
