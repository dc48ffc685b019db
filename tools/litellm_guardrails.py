"""What LiteLLM's guardrails require, found by creating each of them without a network; for refresh_litellm.py."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

_ENVIRONMENT = r"(?:os\.environ(?:\.get)?[\[(]|os\.getenv\(|get_secret(?:_str)?\()\s*(?:secret_name=)?\"(?P<name>\w+)\""
_VARIABLE = re.compile(_ENVIRONMENT)
_ALTERNATIVE = re.compile(rf"(?P<parameter>\w+)\s+or\s+\(?\s*{_ENVIRONMENT}")
_NAME = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")


def requirements(texts: list[str]) -> dict[str, Any]:
    """Find what each guardrail requires, by creating it again and again and adding what its error names.

    Args:
        texts: the source of LiteLLM's guardrails.

    Returns:
        By guardrail, what it requires: a variable or `""`, and the parameters that are as good; the modes of those that
        support some only; and the guardrails that need a package which the image lacks.
    """
    from litellm.proxy.guardrails import guardrail_registry
    from litellm.types.guardrails import LitellmParams

    sys.addaudithook(refuse_connections)
    parameters = frozenset(LitellmParams.model_fields)
    alternatives: dict[str, set[str]] = {}
    variables: set[str] = set()
    for text in texts:
        variables |= {match["name"] for match in _VARIABLE.finditer(text)}
        for match in _ALTERNATIVE.finditer(text):
            alternatives.setdefault(match["name"], set()).add(match["parameter"])
    kept = dict(os.environ)
    required: dict[str, list[list[Any]]] = {}
    modes: dict[str, list[str]] = {}
    unavailable: list[str] = []
    for kind in sorted(guardrail_registry.guardrail_initializer_registry):
        os.environ.clear()
        os.environ.update(kept)
        attempt = Attempt(kind, variables, parameters, guardrail_registry.InMemoryGuardrailHandler())
        problem = attempt.run()
        if isinstance(problem, ImportError) or "enterprise" in str(problem).lower():
            unavailable.append(kind)
        if attempt.modes:
            modes[kind] = attempt.modes
        required[kind] = [
            [name, sorted((alternatives.get(name, set()) | _likely(name, alternative)) & parameters)]
            for name, alternative in attempt.needed
        ]
    os.environ.clear()
    os.environ.update(kept)
    return {"guardrails": required, "guardrailSupportedModes": modes, "unavailableGuardrails": unavailable}


def _likely(variable: str, parameter: str) -> set[str]:
    """Parameters that may replace a variable: one too many misses a fault, and one too few would invent one."""
    endings = {"_KEY": "api_key", "_TOKEN": "api_key", "_BASE": "api_base", "_URL": "api_base"}
    return {parameter, variable.lower(), *(name for end, name in endings.items() if variable.endswith(end))}


class Attempt:
    """The attempts to create a guardrail.

    Attributes:
        needed: what it required so far: a variable and no parameter, or the reverse.
        modes: the modes that it supports, when its errors told them.
    """

    def __init__(self, kind: str, variables: set[str], parameters: frozenset[str], handler: Any) -> None:
        self.needed: list[tuple[str, str]] = []
        self.modes: list[str] = []
        self._variables, self._parameters, self._handler = variables, parameters, handler
        self._given: dict[str, Any] = {"guardrail": kind, "mode": "pre_call"}

    def run(self) -> Exception | None:
        """Create it until it works, or until its error names nothing new; return that error."""
        while True:
            try:
                entry = {"guardrail_name": "probe", "litellm_params": dict(self._given)}
                self._handler.initialize_guardrail(guardrail=entry, source="config")
            except Exception as problem:
                if not self._add(str(problem)):
                    return problem
            else:
                return None

    def _add(self, message: str) -> bool:
        words = re.findall(r"\w+", message)
        variable = next((word for word in words if word in self._variables and word not in os.environ), None)
        if variable is not None:
            os.environ[variable] = "https://guardrail.invalid"
            self.needed.append((variable, ""))
            return True
        supported = re.findall(r"<GuardrailEventHooks\.\w+: '(\w+)'>", message)
        if "supported event hooks" in message and supported and not self.modes:
            self.modes = sorted(supported)
            self._given["mode"] = supported[0]
            return True
        free = (word for word in words if word in self._parameters and word not in self._given)
        parameter = next((word for word in free if "_" in word), None)
        if parameter is None:
            return False
        self._given[parameter] = "https://guardrail.invalid"
        self.needed.append((next((word for word in words if _NAME.fullmatch(word)), ""), parameter))
        return True


def refuse_connections(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse connections and look-ups, as an audit hook."""
    if event in {"socket.connect", "socket.getaddrinfo"}:
        raise OSError(f"no network while the table is made: {arguments[-1]}")
