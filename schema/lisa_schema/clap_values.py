"""What values text-generation-inference and text-embeddings-inference take, as options and as variables.

Both are programs whose parser, clap, reads each option from the command line or from a variable of the same name in
capitals, and ends the program at a value that it does not accept. The table follows the declarations of
text-generation-inference 1.0 to 3.3 (launcher/src/main.rs) and text-embeddings-inference 0.2 to 1.9
(router/src/main.rs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from lisa_schema.server_arguments import option_name, split_words

_NATURAL: Final = re.compile(r"\+?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
_NAMES: Final = {"natural": "an integer", "number": "a number", "port": "a port", "list": "integers with commas"}
_HIGHEST_PORT: Final = 65535
_HIGHEST: Final = 2**64 - 1


def _each(form: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), form)


FORMS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "tgi": {
            **_each(
                "flag",
                "trust-remote-code disable-custom-kernels json-output disable-grammar-support ngrok enable-cuda-graphs "
                "messages-api-enabled disable-usage-stats enable-prefill-logprobs",
            ),
            **_each("boolean", "sharded"),
            **_each("natural 1", "num-shard max-concurrent-requests max-client-batch-size validation-workers"),
            **_each(
                "natural",
                "speculate max-best-of max-stop-sequences max-top-n-tokens max-input-tokens max-input-length "
                "max-total-tokens max-batch-prefill-tokens max-batch-total-tokens max-waiting-tokens max-batch-size "
                "payload-limit graceful-shutdown",
            ),
            **_each("number", "waiting-served-ratio cuda-memory-fraction rope-factor watermark-gamma watermark-delta"),
            **_each("port", "port prometheus-port master-port"),
            "cuda-graphs": "list",
            "rope-scaling": "choice linear dynamic",
            "kv-cache-dtype": "choice fp8_e4m3fn fp8_e5m2",
            "usage-stats": "choice on off no-stack",
        },
        "tei": {
            **_each("flag", "auto-truncate json-output disable-spans"),
            **_each("natural 1", "max-concurrent-requests max-batch-tokens max-client-batch-size tokenization-workers"),
            **_each("natural 1", "max-batch-requests"),
            **_each("natural", "payload-limit device-id"),
            **_each("port", "port prometheus-port"),
            "pooling": "choice cls mean splade last-token",
        },
    }
)
"""By inference container, what each option takes: `flag` (no value; as a variable true or false), `boolean`, `natural`
with a least value, `number`, `port`, `list` of naturals, or `choice` with its words. Other options take any text."""


def clap_fault(engine: str, option: str, value: str) -> tuple[str, str | None] | None:
    """Return what an option takes, and a fix, where its value is not accepted; None where it is, or any text is.

    Args:
        engine: `tgi` or `tei`.
        option: its name, in lower case with hyphens.
        value: the value as it is passed.
    """
    kind, *words = FORMS[engine].get(option, "text").split()
    if kind == "text" or _accepts(kind, words, value):
        return None
    if kind in ("flag", "boolean"):
        meant = _TRUTHS.get(value.lower())
        return "true or false", f"Write {meant}." if meant else None
    if kind == "choice":
        near = _nearest(value, words)
        return f"{', '.join(words[:-1])} or {words[-1]}", f"Write `{near}`." if near else None
    least = f" of at least {words[0]}" if words else ""
    return f"{_NAMES[kind]}{least}", _as_number(value) if kind in ("natural", "port") else None


def _accepts(kind: str, words: list[str], value: str) -> bool:
    match kind:
        case "flag" | "boolean":
            return value in ("true", "false")
        case "choice":
            return value in words
        case "list":
            return all(_NATURAL.fullmatch(one) for one in value.split(","))
        case "number":
            return _NUMBER.fullmatch(value) is not None
        case _:
            least = int(words[0]) if words else 0
            most = _HIGHEST_PORT if kind == "port" else _HIGHEST
            return _NATURAL.fullmatch(value) is not None and least <= int(value) <= most


def takes_no_value(engine: str, option: str) -> bool:
    """Return whether an option stands alone on the command line; `help` and `version` do too."""
    return FORMS[engine].get(option) == "flag" or option in ("help", "version", "env")


def with_arguments(environment: Mapping[str, str], server_args: Iterable[str] = ()) -> dict[str, str]:
    """Return the variables of a container with its arguments, which win, as the variables that do the same.

    Args:
        environment: variables of the container; SERVER_ARGS is split as the entrypoint splits it.
        server_args: additional arguments, each one word.
    """
    found = {name: value for name, value in environment.items() if name != "SERVER_ARGS"}
    words = [*split_words(environment.get("SERVER_ARGS", "")), *server_args]
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word.startswith("--") and (option := option_name(word)) is not None:
            _, mark, value = word.partition("=")
            is_value = not following.startswith("-") and following != ""
            found[option.upper().replace("-", "_")] = value if mark else following if is_value else "true"
    return found


_TRUTHS: Final = {
    **dict.fromkeys(("yes", "on", "y", "1", "t", "true", "enabled"), "true"),
    **dict.fromkeys(("no", "off", "n", "0", "f", "false", "disabled"), "false"),
}


def _nearest(value: str, words: Iterable[str]) -> str | None:
    plain = value.lower().replace("_", "-")
    found = [word for word in words if word == plain or plain.startswith(word) or word.startswith(plain)]
    return found[0] if len(found) == 1 and plain else None


def _as_number(value: str) -> str | None:
    text = value.replace("_", "").replace(",", "")
    if found := re.fullmatch(r"(\d+)([kK])(?:i?[bB])?", text):
        return f"Write {int(found[1]) * 1024}."
    if re.fullmatch(r"\d+\.0*", text):
        return f"Write {text.partition('.')[0]}."
    return f"Write {text}." if text.isdecimal() and text != value else None
