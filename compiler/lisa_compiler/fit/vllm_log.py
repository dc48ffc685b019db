"""Read what a log of vLLM says of memory. The lines are those of vLLM 0.9 to 0.33."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_NUMBER: Final = r"(-?\d+(?:\.\d+)?)"
_LINES: Final[Mapping[str, re.Pattern[str]]] = {
    "weightsGiB": re.compile(rf"Model loading took {_NUMBER} ?GiB"),
    "activationGiB": re.compile(rf"(?:torch peak memory increase: |, ){_NUMBER} ?GiB(?: for peak activation|;)"),
    "nonTorchGiB": re.compile(
        rf"(?:non-torch forward increase memory: {_NUMBER} ?GiB|{_NUMBER} ?GiB for non-torch memory)"
    ),
    "cudaGraphGiB": re.compile(
        rf"(?:Graph capturing finished in .*?, took {_NUMBER} ?GiB|{_NUMBER} ?GiB for CUDA ?Graph memory)"
    ),
    "availableKvGiB": re.compile(rf"Available KV cache memory: {_NUMBER} ?GiB"),
    "kvTokens": re.compile(r"GPU KV cache size: ([\d,]+) tokens"),
    "maxConcurrency": re.compile(r"Maximum concurrency for [\d,]+ tokens per request: ([\d.]+)x"),
}
_TOTAL: Final = re.compile(rf"Free memory on device(?: \w+:\d+)? \({_NUMBER}/{_NUMBER} GiB\)")
_CONTEXT: Final = re.compile(r"Maximum concurrency for ([\d,]+) tokens per request")
_ARGUMENTS: Final = re.compile(r"non-default args: (\{.*\})")
_VERSION: Final = re.compile(r"(?:vLLM (?:API )?server version |LLM engine \(v)v?(\d+\.\d+\.\d+)")
_CONSUMED: Final = re.compile(rf"Actual usage is {_NUMBER} ?GiB for consumed memory")
_PAIR: Final = re.compile(r"'(\w+)': ('[^']*'|\[[^\]]*\]|[\w.+-]+)")
_FAILED: Final = re.compile(r"ValueError: .*KV cache|No available memory for the cache blocks|CUDA out of memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmLog:
    """What a log says.

    Attributes:
        version: version of vLLM; None when the log does not name it.
        arguments: the arguments that are not defaults, by name.
        total_gib: total memory of the GPU; None when the log does not name it.
        context: longest sequence in tokens; None when the log does not name it.
        measured: GiB, tokens and concurrency, by the names of a measurement; None for what is not in the log.
        started: whether the engine started, as far as the log tells.
    """

    version: str | None
    arguments: Mapping[str, Any]
    total_gib: float | None
    context: int | None
    measured: Mapping[str, float | None]
    started: bool


def read_log(lines: Iterable[str]) -> VllmLog:
    """Read a log line by line; with several workers, the values of the first one."""
    measured: dict[str, float | None] = dict.fromkeys(_LINES)
    version, total, context, failed = None, None, None, False
    consumed: float | None = None
    arguments: Mapping[str, Any] = {}
    for line in lines:
        for name, pattern in _LINES.items():
            if measured[name] is None and (match := pattern.search(line)):
                measured[name] = float(next(group for group in match.groups() if group).replace(",", ""))
        if total is None and (match := _TOTAL.search(line)):
            total = float(match[2])
        if consumed is None and (match := _CONSUMED.search(line)):
            consumed = float(match[1])
        if context is None and (match := _CONTEXT.search(line)):
            context = int(match[1].replace(",", ""))
        if version is None and (match := _VERSION.search(line)):
            version = match[1]
        if not arguments and (match := _ARGUMENTS.search(line)):
            arguments = _arguments(match[1])
        failed = failed or _FAILED.search(line) is not None
    # Later versions print weights and other memory as one number.
    if consumed is not None and measured["nonTorchGiB"] is None and measured["weightsGiB"] is not None:
        measured["nonTorchGiB"] = round(consumed - measured["weightsGiB"], 2)
    return VllmLog(
        version=version,
        arguments=arguments,
        total_gib=total,
        context=context,
        measured=measured,
        started=measured["availableKvGiB"] is not None and not failed,
    )


def _arguments(text: str) -> Mapping[str, Any]:
    """Read a dictionary as Python writes it; pair by pair where a value is not a literal."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {name: _literal(value) for name, value in _PAIR.findall(text)}
    return found if isinstance(found, dict) else {}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
