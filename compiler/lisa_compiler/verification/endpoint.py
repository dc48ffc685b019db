"""Whether the gateway answers at its public address: TLS, health, one completion and one embedding for each model."""

from __future__ import annotations

import json
import math
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lisa_compiler.verification.check import Check, Outcome, failed, passed, unknown
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lisa_compiler.plan import ModelPlan

_GATEWAY = "serve"
_LARGEST_ANSWER = 4 << 20
_EXPIRY_WARNING_DAYS = 30
_SHOWN = 200
_COMPLETION = {
    "messages": [{"role": "user", "content": "Answer with one word: which color has the sky?"}],
    "max_tokens": 16,
    "stream": False,
}
_TEXT = "A sentence that is embedded."


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` is text."""

    status: int
    body: str


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: following it would send the token to another host."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The gateway, as a client reaches it. Proxies of the environment are used.

    Attributes:
        url: address without a path.
        token: API token or access token; None when there is none.
        ca_bundle: PEM file of the authorities to trust; None for those of the system and SSL_CERT_FILE.
        timeout: seconds that an answer may take.
        is_internal: whether only the VPC and its networks reach the address, so that no connection proves no fault.
    """

    url: str
    token: str | None = field(repr=False)
    ca_bundle: Path | None
    timeout: float
    is_internal: bool

    def check(self, models: Iterable[ModelPlan], *, needs_token: bool) -> tuple[Check, ...]:
        """Check the address, then one request for each model; without an address, nothing else."""
        address = self._address()
        if address[0].outcome is not Outcome.PASSED:
            return address
        if needs_token and not self.token:
            return (
                *address,
                unknown(_GATEWAY, "requests", "no token is set", "Set LISA_API_TOKEN or use --token-file."),
            )
        return (*address, *(self._request(model) for model in models))

    def _address(self) -> tuple[Check, ...]:
        try:
            answer = self._send("GET", "/health", None)
        except OSError as error:
            detail, fix = _connection(error, self.url)
            is_out_of_reach = self.is_internal and isinstance(_cause(error), socket.gaierror | TimeoutError)
            return ((unknown if is_out_of_reach else failed)(_GATEWAY, "address", detail, fix),)
        if answer.status != 200:
            detail = f"{self.url}/health answers {answer.status}: {_short(answer.body)}"
            fix = "Fix the failed checks of `serve` first; then read the gateway log."
            return (failed(_GATEWAY, "address", detail, fix),)
        return (passed(_GATEWAY, "address", f"{self.url}/health answers 200"), *self._expiry())

    def _expiry(self) -> tuple[Check, ...]:
        """How long the certificate is valid; nothing where it cannot be read, as behind a proxy."""
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme != "https" or parts.hostname is None:
            return ()
        try:
            with (
                socket.create_connection((parts.hostname, parts.port or 443), self.timeout) as plain,
                self._context().wrap_socket(plain, server_hostname=parts.hostname) as secure,
            ):
                certificate: Mapping[str, Any] = secure.getpeercert() or {}
        except OSError:
            return ()
        days = math.floor((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / 86400)
        detail = f"valid for {days} more days"
        if days < _EXPIRY_WARNING_DAYS:
            return (failed(_GATEWAY, "certificate", detail, "Renew the certificate of `sslCertIamArn`."),)
        return (passed(_GATEWAY, "certificate", detail),)

    def _request(self, model: ModelPlan) -> Check:
        is_embedding = model.config.model_type == "embedding"
        subject = "embedding" if is_embedding else "completion"
        path, body, accept = (
            ("/v2/serve/embeddings", {"input": _TEXT}, _embedding)
            if is_embedding
            else ("/v2/serve/chat/completions", _COMPLETION, _completion)
        )
        began = time.monotonic()
        try:
            answer = self._send("POST", path, {"model": model.identifier, **body})
        except OSError as error:
            detail, fix = _connection(error, self.url)
            return failed(model.component, subject, detail, fix)
        if answer.status != 200:
            fix = _STATUS_FIXES.get(answer.status, "Read the logs of the gateway and of the model.")
            return failed(model.component, subject, f"{path} answers {answer.status}: {_short(answer.body)}", fix)
        problem = _problem(answer.body, accept)
        if problem:
            detail = f"{path} answers 200, but {problem}: {_short(answer.body)}"
            return failed(model.component, subject, detail, "Read the logs of the gateway and of the model.")
        return passed(model.component, subject, f"{model.identifier} in {time.monotonic() - began:.1f} s")

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_bundle)
        except OSError as error:
            raise LisaError(
                f"{self.ca_bundle} cannot be read as PEM certificates: {error}. Correct --ca-bundle."
            ) from error

    def _send(self, method: str, path: str, body: Mapping[str, object] | None) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": "lisa-verify"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            if self.token:
                headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(  # noqa: S310  # the scheme is that of the plan
            f"{self.url}{path}", None if body is None else json.dumps(body).encode(), headers, method=method
        )
        opener = urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=self._context()))
        try:
            with opener.open(request, timeout=self.timeout) as response:
                return Answer(response.status, response.read(_LARGEST_ANSWER).decode(errors="replace"))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(_LARGEST_ANSWER).decode(errors="replace"))


_STATUS_FIXES = {
    401: "Use a valid token: an API token from the token table, or an unexpired access token for `clientId`.",
    403: "Use a token with permission for this model.",
    404: "Run `lisa deploy`: the gateway does not list this model yet.",
    429: "Repeat the command later.",
    503: "Fix the failed checks of the model first; then read the gateway log.",
    504: "Use a larger --timeout, or read the model log.",
}
"""By HTTP status of a request, what to do."""


def _cause(error: OSError) -> OSError:
    return error.reason if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError) else error


def _connection(error: OSError, url: str) -> tuple[str, str]:
    """What went wrong with a connection, and the fix."""
    cause = _cause(error)
    host = urllib.parse.urlsplit(url).hostname
    if isinstance(cause, ssl.SSLCertVerificationError):
        if "ostname mismatch" in cause.verify_message or "doesn't match" in cause.verify_message:
            fix = "Set `domainName` to a name in the certificate, with a DNS record for the load balancer."
            return f"the certificate does not match {host}: {cause.verify_message}", fix
        fix = "Pass the certificate of its CA with --ca-bundle, or use a certificate of a trusted CA."
        return f"the certificate of {host} is not trusted: {cause.verify_message}", fix
    if isinstance(cause, socket.gaierror):
        return f"{host} cannot be resolved", "Create the DNS record of `domainName`; run the command where it resolves."
    if isinstance(cause, TimeoutError):
        fix = "Run the command where the load balancer is reachable, for example in the VPC."
        return f"{host} does not respond in time", fix
    if isinstance(cause, ConnectionRefusedError):
        return f"{host} rejects the connection", "Check the listener and the security group of the load balancer."
    return f"{host}: {cause}", "Check the network, and the proxy in HTTPS_PROXY and NO_PROXY."


def _problem(body: str, accept: Callable[[Any], bool]) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return "with a body that is not JSON"
    try:
        return "" if accept(answer) else "without the result"
    except (AttributeError, IndexError, KeyError, TypeError):
        return "without the result"


def _completion(answer: Any) -> bool:
    message = answer["choices"][0]["message"]
    return bool(message.get("content") or message.get("reasoning_content"))


def _embedding(answer: Any) -> bool:
    vector = answer["data"][0]["embedding"]
    return bool(vector) and all(math.isfinite(value) for value in vector)


def _short(body: str) -> str:
    text = " ".join(body.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
