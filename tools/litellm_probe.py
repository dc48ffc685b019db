"""Finds what a part of LiteLLM requires, by trying it without a network; for refresh_litellm.py.

A trial runs in a Python that has the packages of the gateway's image only, with no variables, and with no network: a
request is recorded and then refused. What LiteLLM reads from the environment and the words of its errors are the
candidates for what is missing; a candidate that alone changes the outcome is what it requires.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from litellm_guardrails import refuse_connections
from litellm_image import Missing, missing_module

SECRET = "probe0123456789abcdef"  # noqa: S105  # what is looked for in requests
HOST = "probe.invalid"
ADDRESS = f"https://{HOST}/v1"

_ADDRESSES = re.compile(r"(?i)(base|url|uri|host|endpoint|site|address|domain)(_|$)")
_SECONDS = 20
_ROUNDS = 8
_NOISE = re.compile(r"0x[0-9a-f]+|[0-9]+")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\Z")
# Variables of Python, the operating system, HTTP clients and of LiteLLM's own behaviour, which are no requirement.
_NO_REQUIREMENT = re.compile(
    r"(PYTHON|LITELLM_|USE_LITELLM|EXPERIMENTAL_|PYDANTIC_|TIKTOKEN_|CUSTOM_TIKTOKEN|REQUEST_METHOD|LC_|SSL_|HTTPX_|AIOHTTP_|XDG_|OTEL_|REQUESTS_|CURL_)|(NO|ALL|HTTPS?|FTP)_PROXY\Z"
    r"|OPENAI_(ORGANIZATION|ORG_ID|PROJECT_ID)\Z|.*_(TIMEOUT|SIZE|DELAY|INTERVAL|RETRIES|LEVEL|DEBUG|VERBOSE|VERSION|LIMIT|TTL)\Z"
)


# What the gateway's container has: the task role stands for keys of AWS.
_CONTAINER = {
    **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "role"),
    **dict.fromkeys(("AWS_REGION", "AWS_REGION_NAME", "AWS_DEFAULT_REGION"), "us-east-1"),
    **{"HOME": "/nonexistent", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
}
_UNSUPPORTED = re.compile(r"(?i)unsupported|not supported|not provided|unmapped|does not support|invalid provider")
_PLAIN = ("api_key", "api_base")
# Parameters that turn LiteLLM's own features on, and say nothing about a provider.
_NO_PARAMETERS = frozenset(
    {"model", "messages", "input", "base_model", "custom_llm_provider", "mock_response", "provider"}
)


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        error: what was raised; empty where it worked, or where a request was sent.
        module: the package that is missing; else empty.
        host: the host of the request; empty where none was sent.
        has_secret: whether the request has the probe's secret.
        read: variables that were looked up and are not set.
    """

    error: str = ""
    module: str = ""
    host: str = ""
    has_secret: bool = False
    read: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """Whether nothing is missing before a request is sent."""
        return not self.error and not self.module


@dataclass
class Requirements:
    """What a part requires.

    Attributes:
        needed: groups of a parameter or variable of which each is enough: variables, parameters.
        module: the package that the image lacks; else empty.
        is_complete: whether it works with one of each group.
        outcome: of the last trial.
        given: parameters of that trial.
        variables: variables of that trial.
        candidates: parameters that are tried although no error names them.
        named: for each group, whether the error of LiteLLM names all of it.
    """

    needed: list[tuple[list[str], list[str]]] = field(default_factory=list)
    module: str = ""
    is_complete: bool = False
    outcome: Outcome = field(default_factory=Outcome)
    given: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    candidates: frozenset[str] = frozenset()
    named: list[bool] = field(default_factory=list)


Trial = Callable[[Mapping[str, Any]], object]


class Laboratory:
    """Tries parts of LiteLLM, and records what they send and read."""

    def __init__(self, parameters: Collection[str], modules: Collection[str]) -> None:
        self.parameters = frozenset(parameters)
        self._requests: list[tuple[str, str]] = []
        self._read: set[str] = set()
        self.modules = frozenset(modules)

    @contextmanager
    def open(self) -> Iterator[Laboratory]:
        """Replace the network, the environment and what can be imported, and put all of it back."""
        import httpx
        import requests

        sys.addaudithook(refuse_connections)
        finder = Missing(self.modules)
        kept, environment = dict(os.environ), type(os.environ)
        sends = (httpx.HTTPTransport, "handle_request"), (requests.adapters.HTTPAdapter, "send")
        originals = [getattr(kind, name) for kind, name in sends]
        original_read = environment.__getitem__

        def read(variables: Any, name: str) -> str:
            if isinstance(name, str):
                self._read.add(name)
            return original_read(variables, name)

        httpx.HTTPTransport.handle_request = self._refuse_httpx  # type: ignore[method-assign]
        requests.adapters.HTTPAdapter.send = self._refuse_requests  # type: ignore[method-assign]
        environment.__getitem__ = read  # type: ignore[method-assign]
        sys.meta_path.insert(0, finder)
        kept_sleep, time.sleep = time.sleep, _sleep_not
        previous = signal.signal(signal.SIGALRM, _too_long)
        try:
            yield self
        finally:
            signal.signal(signal.SIGALRM, previous)
            time.sleep = kept_sleep
            sys.meta_path.remove(finder)
            environment.__getitem__ = original_read  # type: ignore[method-assign]
            for (kind, name), original in zip(sends, originals, strict=True):
                setattr(kind, name, original)
            os.environ.clear()
            os.environ.update(kept)

    def run(self, trial: Trial, given: Mapping[str, Any], variables: Mapping[str, str]) -> Outcome:
        """Try a part with parameters and variables, without clients of trials before."""
        import litellm

        os.environ.clear()
        os.environ.update({**_CONTAINER, **variables})
        litellm.in_memory_llm_clients_cache.flush_cache()
        self._requests.clear()
        self._read.clear()
        error, module = "", ""
        signal.alarm(_SECONDS)
        try:
            trial(given)
        except BaseException as problem:
            error, module = _told(problem), missing_module(problem)
        finally:
            signal.alarm(0)
        read = tuple(
            sorted(
                name
                for name in self._read
                if name not in variables
                and name not in _CONTAINER
                and _VARIABLE.match(name)
                and not _NO_REQUIREMENT.match(name)
            )
        )
        if self._requests:
            host, _ = self._requests[0]
            return Outcome(host=host, has_secret=any(SECRET in one for _, one in self._requests), read=read)
        return Outcome(error=error, module=module, read=read)

    def require(self, trial: Trial, candidates: Collection[str] = ()) -> Requirements:
        """Find what a part requires: add what is missing until it works, or until nothing helps."""
        found = Requirements(candidates=frozenset(candidates))
        for _ in range(_ROUNDS):
            found.outcome = self.run(trial, found.given, found.variables)
            found.module = found.outcome.module
            found.is_complete = found.outcome.works
            if found.module and self._without_package(trial, found):
                break
            if found.is_complete or found.module or _UNSUPPORTED.search(found.outcome.error):
                break
            variables, parameters = self.helping(
                trial, found, lambda new: new.works or new.error != found.outcome.error
            )
            if not variables and not parameters:
                break
            words = set(re.findall(r"\w+", found.outcome.error))
            found.named.append(words.issuperset(variables) and words.issuperset(parameters))
            found.needed.append((variables, parameters))
            if parameters:
                found.given[parameters[0]] = value_for(parameters[0])
            else:
                found.variables[variables[0]] = str(value_for(variables[0]))
        if found.is_complete:
            self._refine(trial, found)
        return found

    def _refine(self, trial: Trial, found: Requirements) -> None:
        """Keep what it does not work without, and what alone replaces each of these."""
        works: Callable[[Outcome], bool] = lambda new: new.works  # noqa: E731  # passed twice
        for mapping in (found.given, found.variables):
            for name in list(mapping):
                value = mapping.pop(name)
                if not self.run(trial, found.given, found.variables).works:
                    mapping[name] = value
        found.needed = []
        for mapping in (found.given, found.variables):
            for name in list(mapping):
                value = mapping.pop(name)
                rest = Requirements(given=found.given, variables=found.variables, candidates=found.candidates)
                rest.outcome = self.run(trial, found.given, found.variables)
                found.needed.append(self.helping(trial, rest, works))
                mapping[name] = value
        found.outcome = self.run(trial, found.given, found.variables)

    def _without_package(self, trial: Trial, found: Requirements) -> bool:
        """Look whether a package is needed only where a key and an address are missing, and note these instead."""
        full = {**found.given, **{name: value_for(name) for name in _PLAIN}}
        if not self.run(trial, full, found.variables).works:
            return False
        found.module, found.is_complete, found.given = "", True, full
        return True

    def helping(
        self, trial: Trial, found: Requirements, is_better: Callable[[Outcome], bool]
    ) -> tuple[list[str], list[str]]:
        """The variables and parameters of which each alone makes the outcome better."""
        words = set(re.findall(r"\w+", found.outcome.error))
        read = set(found.outcome.read)
        names = words | {name.lower() for name in read | words} | {"api_key", "api_base"}
        names |= found.candidates
        names |= {part for name in read for part in _endings(name.lower())}
        parameters = [
            name
            for name in sorted((names & self.parameters) - found.given.keys() - _NO_PARAMETERS)
            if is_better(self.run(trial, {**found.given, name: value_for(name)}, found.variables))
        ]
        variables = [
            name
            for name in sorted(read | {word for word in words if _VARIABLE.match(word)} - found.variables.keys())
            if is_better(self.run(trial, found.given, {**found.variables, name: str(value_for(name))}))
        ]
        return variables, parameters

    def _refuse_httpx(self, request: Any) -> Any:
        self._record(str(request.url), str(request.headers.raw), request)
        raise ConnectionError("no network while the table is made")

    def _refuse_requests(self, request: Any, *_args: Any, **_options: Any) -> Any:
        self._record(str(request.url), str(dict(request.headers)), request)
        raise ConnectionError("no network while the table is made")

    def _record(self, url: str, headers: str, request: Any) -> None:
        body = getattr(request, "content", None) or getattr(request, "body", None) or b""
        text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
        self._requests.append((urlsplit(url).hostname or "", f"{url}\n{headers}\n{text}"))


def value_for(name: str) -> Any:
    """A value for a variable or a parameter: an address, a number, or a secret."""
    if "redis" in name.lower() and "url" in name.lower():
        return f"redis://{HOST}:6379"
    if name.lower().endswith("threshold"):
        return 0.5
    if name.lower().endswith("port"):
        return "1"
    return ADDRESS if _ADDRESSES.search(name) else SECRET


def _endings(name: str) -> Iterator[str]:
    """`project_id` and `id` of `watsonx_project_id`: parameters often lack the name of the provider."""
    while "_" in name:
        name = name.partition("_")[2]
        yield name


def _told(problem: BaseException) -> str:
    text = f"{type(problem).__name__}: {problem}".replace(SECRET, "").replace(HOST, "")
    return _NOISE.sub("", text.partition("Traceback")[0])[:600]


def _sleep_not(_seconds: float) -> None:
    """Wait for nothing: retries would take minutes."""


def _too_long(_number: int, _frame: Any) -> None:
    raise TimeoutError("the trial took too long")
