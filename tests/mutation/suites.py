"""Which tests belong to a source: the data of suites.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Suite:
    """Sources, and the tests that each of their mutants runs.

    Attributes:
        sources: files or directories, relative to the checkout.
        tests: arguments of pytest.
    """

    sources: tuple[str, ...]
    tests: tuple[str, ...]

    def depth(self, source: str) -> int:
        """Length of the longest of its sources that a file is or lies below; 0 when it has none."""
        return max((len(own) for own in self.sources if source == own or source.startswith(f"{own}/")), default=0)


def load_suites() -> tuple[Suite, ...]:
    """Every suite of suites.toml."""
    data = tomllib.loads(Path(__file__).with_name("suites.toml").read_text(encoding="utf-8"))
    return tuple(Suite(tuple(suite["sources"]), tuple(suite["tests"])) for suite in data["suite"])


def find_suite(source: str, suites: tuple[Suite, ...]) -> Suite | None:
    """The suite with the most specific source for a file; None when no suite covers it."""
    best = max(suites, key=lambda suite: suite.depth(source), default=None)
    return best if best is not None and best.depth(source) else None
