"""LiteLLM's own judgment of its compiled configuration: it is started once, without a network, as `nginx -t` does."""

from __future__ import annotations

import json
import secrets
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lisa_compiler.emit.litellm import PATH
from lisa_compiler.interpreters import python_having
from lisa_compiler.resources import runtime_dir
from lisa_schema import artifact_diagnostics
from lisa_schema.diagnostics import Severity
from lisa_schema.document import key_path
from lisa_schema.errors import LisaError
from lisa_schema.litellm.names import version
from lisa_schema.litellm.references import has_own_image
from lisa_schema.litellm.requirements import extensions

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment
    from lisa_schema.diagnostics import Diagnostic
    from lisa_schema.document import Document
    from lisa_schema.document import Path as KeyPath

_PROGRAM = Path(__file__).with_name("offline_litellm.py")
_OFFLINE = "no network while LISA checks the configuration"
_PLACEHOLDER = "lisa-placeholder-"
_SECONDS = 300
_MODULES = ("litellm", "litellm_proxy_extras")
_IGNORED_WORDS = ("gnor", "nvalid", "kipping", "not valid", "nsupported")
"""What a warning has in it that reports a part of the configuration without effect; others are about the server."""


@dataclass(frozen=True, slots=True)
class LitellmMessage:
    """What LiteLLM says about its configuration.

    Attributes:
        text: a sentence.
        is_error: whether requests fail or the proxy does not start.
        path: where in the configuration; `litellmConfig` when it does not tell.
    """

    text: str
    is_error: bool
    path: KeyPath


@dataclass(frozen=True, slots=True)
class LitellmStart:
    """The start of LiteLLM with a compiled configuration.

    Attributes:
        version: of the LiteLLM that was started.
        started: whether it started.
        diagnostics: what it reports.
    """

    version: str
    started: bool
    diagnostics: tuple[Diagnostic, ...]


class LitellmMissingError(LisaError):
    """LiteLLM is not installed, so that nothing was checked."""

    def __init__(self) -> None:
        super().__init__(
            "LiteLLM is not installed, so that the compiled configuration of LiteLLM was not checked. "
            "Run `pip install 'lisa-gitops[dev]'`, or `make gateway-parts` in a checkout."
        )


def start_litellm(deployment: Deployment, document: Document, output: Path) -> LitellmStart:
    """Start LiteLLM with the compiled configuration of an environment, and report what it says.

    Args:
        deployment: the plan of the environment.
        document: its configuration, in which the reports have their lines.
        output: directory of all environments' output.

    Raises:
        LitellmMissingError: there is no LiteLLM.
        LisaError: the environment is not compiled, or LiteLLM cannot be run.
    """
    python = python_having(*_MODULES)
    if python is None:
        raise LitellmMissingError
    config = output / deployment.environment / PATH
    if not config.is_file():
        raise LisaError(f"{config} does not exist. Run `lisa compile --env {deployment.environment}`.")
    compiled = yaml.safe_load(config.read_bytes())
    found = _run(python, config, start_environment(deployment))
    own = has_own_image(deployment.config)
    diagnostics = tuple(
        _diagnostic(message, deployment.environment, document, is_certain=not own)
        for message in _messages(found, compiled, document)
    )
    return LitellmStart(found["version"], found["started"], diagnostics)


def _run(python: Path, config: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lisa-litellm-") as folder:
        result = Path(folder) / "result.json"
        command: list[str | Path] = [python, "-P", _PROGRAM, config.resolve(), result]
        try:
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                cwd=folder,
                env={**environment, "HOME": folder, "TMPDIR": folder},
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise LisaError(f"LiteLLM did not start within {_SECONDS} s with {config}.") from error
        if not result.is_file():
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise LisaError(f"LiteLLM could not be run (exit code {done.returncode}): {last}")
        found: dict[str, Any] = json.loads(result.read_bytes())
        return found


def start_environment(deployment: Deployment) -> dict[str, str]:
    """Return the variables of the gateway's container: nothing of this process, and a text instead of each secret.

    Those that name the certificate authorities are omitted: the file is in the container, and Python opens it at the
    start.
    """
    service = deployment.rest_api
    trusted = deployment.trust.container_variables if deployment.trust is not None else {}
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        **{name: value for name, value in service.environment if name not in trusted},
        **{name: f"{_PLACEHOLDER}{name}" for name, _ in service.secrets},
        **{name: f"sk-{secrets.token_hex(24)}" for name in ("LITELLM_KEY", "LITELLM_ADMIN_KEY", "LITELLM_MASTER_KEY")},
        "AWS_EC2_METADATA_DISABLED": "true",
        "HF_HUB_OFFLINE": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{runtime_dir() / 'gateway'}:{runtime_dir() / 'oidc'}",
    }


def _messages(found: Mapping[str, Any], compiled: Mapping[str, Any], document: Document) -> Iterator[LitellmMessage]:
    root: KeyPath = ("litellmConfig",)
    if found["version"] != version():
        text = f"LiteLLM {found['version']} was started here, and the gateway has {version()}."
        yield LitellmMessage(text, is_error=False, path=root)
    texts = [record["text"] for record in found["records"] if record["level"] in {"ERROR", "CRITICAL"}]
    warned = [record["text"] for record in found["records"] if record["level"] == "WARNING"]
    for text in dict.fromkeys(_first_line(one) for one in texts if _OFFLINE not in one):
        yield LitellmMessage(f"LiteLLM: {text}", is_error=True, path=_place(text, document))
    for text in dict.fromkeys(_first_line(one) for one in warned if any(word in one for word in _IGNORED_WORDS)):
        yield LitellmMessage(f"LiteLLM: {text}", is_error=False, path=_place(text, document))
    if not found["started"]:
        error = _first_line(found["error"])
        if _OFFLINE in error or _PLACEHOLDER in error:
            why = "a secret" if _PLACEHOLDER in error else "the network"
            text = f"Whether LiteLLM starts is unknown without {why}: {error}"
            yield LitellmMessage(text, is_error=False, path=_place(error, document))
        else:
            yield LitellmMessage(f"LiteLLM does not start: {error}", is_error=True, path=_place(error, document))
        return
    missing = Counter(_names(compiled.get("model_list"), "model_name")) - Counter(found["models"])
    for name in missing:
        text = f"LiteLLM starts without the model `{name}`."
        yield LitellmMessage(text, is_error=True, path=_entry(document, "model_list", "model_name", name))
    for name in Counter(_names(compiled.get("guardrails"), "guardrail_name")) - Counter(found["guardrails"]):
        text = f"LiteLLM starts without the guardrail `{name}`."
        yield LitellmMessage(text, is_error=True, path=_entry(document, "guardrails", "guardrail_name", name))


def _diagnostic(message: LitellmMessage, environment: str, document: Document, *, is_certain: bool) -> Diagnostic:
    path = message.path
    found = artifact_diagnostics.LITELLM_START.at(
        document.key_origin(path) if document.find(path) is not None else document.root.origin,
        f"{environment}: {message.text}" + ("" if is_certain else " Your own image may differ."),
        key_path=key_path(path),
    )
    return found if message.is_error and is_certain else replace(found, severity=Severity.WARNING)


def _place(text: str, document: Document) -> KeyPath:
    """The longest value of `litellmConfig`, or module of one, that a message quotes; else the key; else the root."""
    leaves = [(path, leaf.text) for path, leaf in document.leaves() if path[:1] == ("litellmConfig",)]
    parts = [(path, part) for path, value in leaves for part in (value, value.rpartition(".")[0])]
    quoted = [(len(part), path) for path, part in parts if len(part) > 3 and part in text]
    named = [(len(str(path[-1])), path) for path, _ in leaves if f"'{path[-1]}'" in text]
    required = [(1, path) for path, value in leaves if _requires(path, value, text)]
    return max(quoted or required or named, key=lambda one: one[0], default=(0, ("litellmConfig",)))[1]


def _requires(path: KeyPath, value: str, text: str) -> bool:
    """Whether a message names a variable or a package that a callback or a cache requires."""
    if path[2:] == ("cache_params", "type"):
        found = extensions("cacheRequirements").get(value)
    else:
        found = extensions("callbackRequirements").get(value) if isinstance(path[-1], int) else None
    if found is None:
        return False
    names = {name for group in found.needs for name in group.variables}
    return any(name in text for name in names) or bool(found.module and found.module in text)


def _entry(document: Document, section: str, key: str, name: str) -> KeyPath:
    for path, leaf in document.leaves():
        if path[:2] == ("litellmConfig", section) and path[-1:] == (key,) and leaf.text == name:
            return path
    return ("litellmConfig",)


def _names(entries: object, key: str) -> Iterable[str]:
    items: Sequence[Any] = entries if isinstance(entries, list) else ()
    return [str(item.get(key)) for item in items if isinstance(item, dict)]


def _first_line(text: str) -> str:
    return " ".join(text.strip().splitlines()[:1]) or "no message"
