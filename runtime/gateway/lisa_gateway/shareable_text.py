"""What of an upstream's message a caller may read: the sentence, and nothing about the inside of the deployment.

A message is cut where LiteLLM appends its own state. Whatever then looks like an address, a host, a file, a credential
or a stack trace makes the message unusable as a whole: parts of a sentence that was cut could still mislead, and a
pattern that was overlooked could still leak.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

MOST_CHARACTERS = 1000
_MOST_READ = 16 * MOST_CHARACTERS

_SPACES = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
# `litellm.BadRequestError: OpenAIException - …`, in any number and order; `Error code: 400 - {…}` is openai's.
_PREFIX = re.compile(
    r"\s*(?:litellm\.[\w.]+:|[A-Za-z_]+(?:Exception|Error)(?:\s*[-:])+|[A-Z]\w*Exception\s*(?=\{)"
    r"|Error code:\s*\d{3}\s*-|Error:|None\s*-)\s*"
)
_APPENDED = re.compile(
    r"(?:\n\s{0,4}(?:model=|LiteLLM:|Model:\s)|Received Model Group\s*=|Available Model Group Fallbacks\s*="
    r"|LiteLLM Retried:|No fallback model group|Passed model\s*=|pre-call-checks\s*=|cooldown_list\s*=|Fallbacks\s*="
    r"|Error doing the fallback:|API Base:|Deployment\s?(?:ID|Info)?:|litellm_debug_info"
    r"|For more information, see http|Stack trace|Traceback).*",
    re.DOTALL | re.IGNORECASE,
)
_DOCUMENTATION = re.compile(
    r"https://(?:platform\.openai\.com|help\.openai\.com|docs\.anthropic\.com|docs\.vllm\.ai|errors\.pydantic\.dev"
    r"|docs\.aws\.amazon\.com|huggingface\.co)(?:/[\w./#?=&%+-]*)?"
)
_INSIDE = re.compile(
    r"""
      \b[a-z][a-z0-9+.-]*://                                  # an address
    | \b\d{1,3}(?:\.\d{1,3}){3}\b                             # IPv4
    | (?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?![\w:])   # IPv6
    | \b[\w-]+(?:\.[\w-]+)+:\d{2,5}\b                         # host and port
    | \b[a-z][\w-]*:\d{4,5}\b
    | \blocalhost\b
    | \bport\s*[=:]?\s*\d
    | \bhost\s*[=:]
    | \b[\w-]+\.(?:internal|local|localdomain|lan|svc|cluster|corp|intra)\b
    | \b[\w.-]+\.amazonaws\.com\b
    | \b(?:ip|ec2)-\d+-\d+-\d+-\d+
    | \b(?:[a-z0-9-]+\.)+(?:com|net|org|io|ai|gov|mil|cloud|dev)\b
    | (?:^|[\s'"`(\[=:,])(?:~|/(?:app|data|dev|etc|home|lib|lib64|mnt|model|nvme|opt|proc|root|run|srv|sys|tmp|usr
        |var|weights|workspace))/
    | \b[a-z]:\\
    | \bsite-packages\b | \.pyx?\b | \.so(?:\.\d+)*\b
    | \bline\s+\d+,\s+in\b | \btraceback\b | \bat\s+[\w$.<>]+\s?\([\w./]+:\d+
    | \b0x[0-9a-f]{6,}\b                                      # an object's address
    | \b[sp]k-[\w*.-]{3,} | \blisa_\w{8,} | \bhf_\w{6,} | \b(?:AKIA|ASIA)\w{8,} | \beyJ[\w-]{8,} | \bghp_\w{8,}
    | \bbearer\s+\S{6} | \b(?:api[_\s-]?key|secret|token|password|authorization)\s*(?:provided)?\s*[=:]\s*\S{6}
    | \barn:aws | \b\d{12}\b                                  # an ARN, an account
    | \b(?:cannot\s+connect|connection\s+(?:error|refused|reset)|connect(?:ion)?\s+call\s+failed|name\s+or\s+service)
    | \blitellm\b | \b\w+Exception\b
    | \b[A-Z]\w+(?:Exception|Error)\(                         # an exception as Python prints it
    | <[\w.]+\s+object\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def shareable(text: str) -> str:
    """A message as a caller may read it; empty if none of it may be read.

    Args:
        text: an upstream's message, in any of the forms that LiteLLM and model servers wrap it in.
    """
    message = _unwrapped(text[:_MOST_READ])
    # What is searched is bounded, and is more than what is shown, so that nothing is cut in the middle of a match.
    message = _SPACES.sub(" ", _APPENDED.sub("", message))[: 2 * MOST_CHARACTERS].strip(" ,;")
    if message.endswith("..") and not message.endswith("..."):
        # LiteLLM ends the sentence once more.
        message = message[:-1]
    if not message or _INSIDE.search(_DOCUMENTATION.sub("", message)):
        return ""
    if len(message) > MOST_CHARACTERS:
        return f"{message[: MOST_CHARACTERS - 1].rstrip()}…"
    return message


def _unwrapped(text: str) -> str:
    """The message without the names of exceptions before it, taken out of the JSON that such a name may precede."""
    for _ in range(8):
        if found := _PREFIX.match(text):
            text = text[found.end() :]
            continue
        inner = _inner_message(text)
        if inner is None:
            break
        text = inner
    return text


def _inner_message(text: str) -> str | None:
    """The message in a body that an exception's text has, as JSON or as Python writes a dictionary."""
    text = _APPENDED.sub("", text).strip()
    if not (text.startswith("{") and text.endswith("}")) or len(text) >= _MOST_READ:
        return None
    content: Any
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        try:
            content = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    for name in ("error", "message", "detail"):
        inner = content.get(name) if isinstance(content, dict) else None
        if isinstance(inner, dict):
            inner = inner.get("message")
        if isinstance(inner, str):
            return inner
    return None
