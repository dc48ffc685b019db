"""Commands of containers' health checks: what they run and what they ask, as Docker and ECS read them.

`CMD` and its words are run as they are; `CMD-SHELL` and one line are given to the image's /bin/sh (Docker's HEALTHCHECK
and ECS's HealthCheck in the reference of RegisterTaskDefinition). An exit code other than 0 is a failed check.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_HOST: Final = r"(?P<host>localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])"
_URL: Final = re.compile(
    rf"(?P<scheme>https?)://{_HOST}(?![\w.-])(?::(?P<port>\d{{1,5}})(?!\w)|(?P<other>:))?(?P<path>/[^\s'\"`)|;&<>]*)?"
)
_ADDRESS: Final = re.compile(
    rf"(?:(?<=/dev/tcp/)|(?<=/dev/udp/)|(?<![/\w.@-])){_HOST}['\"]?(?:\s*[,:]\s*|\s+|/)(?P<port>\d{{2,5}})(?![\w.])(?P<path>/[^\s'\"`)|;&<>]*)?"
)
_REDIRECTION: Final = re.compile(r"(?:\d|&)?>>?\s*(?:&\d|[^\s;|&\"']+)")
_COMPOUND: Final = re.compile(r"\$\(|`|(?:^|[;&|]\s*)(?:if|for|while|until|case|\{|\()(?:\s|$)")
_OPERATORS: Final = frozenset({"||", "&&", "|", ";", "&", ">", ">>", "2>&1"})
_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "/bin/sh", "/bin/bash", "/usr/bin/bash"})
_PREFIXES: Final = frozenset({"exec", "env", "nice", "command", "time", "!"})
_FAILS: Final = frozenset({"false"})
_VARIABLE: Final = re.compile(r"\$\{?[A-Za-z_]\w*\}?")
_FLAGS: Final = re.compile(r"-[A-Za-z]+")
_SCHEMES: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check asks of its own container.

    Attributes:
        text: the address as it is written.
        scheme: `http`, `https`, or empty for an address without one.
        port: the port that is asked.
        path: with its slash and query; empty without one.
        start: where the port is written in the text, or belongs.
    """

    text: str
    scheme: str
    port: int
    path: str
    start: int

    def with_port(self, port: int) -> str:
        """Return the address with another port, by HTTP."""
        rest = re.sub(r"\A:?\d*", "", self.text[self.start :])
        before = self.text[: self.start].replace("https://", "http://")
        is_url = "://" in before
        return f"{before}{':' if is_url else ''}{port}{rest}"


@dataclass(frozen=True, slots=True)
class HealthCommand:
    """A command of a health check.

    Attributes:
        text: the shell line, or the words with spaces.
        attempts: the commands of each alternative (`a || b`), of which one must succeed; None if the line cannot be
            taken apart.
        fault: why it cannot succeed as it is written, a clause without subject; None when it may.
        fix: what to do about the fault.
    """

    text: str
    attempts: tuple[tuple[tuple[str, ...], ...], ...] | None
    fault: str | None = None
    fix: str = ""

    def asked(self) -> Iterator[Asked]:
        """Yield the addresses of its own container that it asks."""
        taken = []
        for found in _URL.finditer(self.text):
            taken.append(found.span())
            if found["other"]:
                continue  # The port is a variable.
            port = int(found["port"] or _SCHEMES[found["scheme"]])
            start = (found.start("port") - 1 if found["port"] else found.end("host")) - found.start()
            yield Asked(found[0], found["scheme"], port, found["path"] or "", start)
        for found in _ADDRESS.finditer(self.text):
            if not any(start <= found.start("host") < end for start, end in taken):
                start = found.start("port") - found.start()
                yield Asked(found[0], "", int(found["port"]), found["path"] or "", start)

    @property
    def passes_anyway(self) -> bool:
        """Whether one alternative always succeeds: `|| true`, `; exit 0`."""
        return any(len(attempt) == 1 and _is_success(attempt[0]) for attempt in self.attempts or ())

    @property
    def minds_status(self) -> bool:
        """Whether an answer such as 404 fails the check: `curl --fail`, wget, and Python's urlopen."""
        if "urlopen" in self.text or "raise_for_status" in self.text:
            return True
        for words in (words for attempt in self.attempts or () for words in attempt):
            name = program(words)
            if name == "wget" or (name == "curl" and _fails(words)):
                return True
        return False

    @property
    def asks_for_head(self) -> bool:
        """Whether curl sends HEAD instead of GET and minds the status."""
        commands = [words for attempt in self.attempts or () for words in attempt if program(words) == "curl"]
        return any(
            _fails(words) and any(word == "--head" or (_FLAGS.fullmatch(word) and "I" in word) for word in words)
            for words in commands
        )

    def needs(self, absent: frozenset[str]) -> str | None:
        """Return a program that an image lacks and without which every alternative fails; None when one may succeed."""
        missing = []
        for attempt in self.attempts or ((),):
            names = [program(words) for words in attempt]
            lacking = [name for name in names if name in absent]
            if not lacking and not (len(attempt) == 1 and _is_failure(attempt[0])):
                return None
            missing += lacking
        return missing[0] if missing else None


def read_command(command: Sequence[str]) -> HealthCommand | None:
    """Read the command of a health check; None when it begins with neither CMD nor CMD-SHELL."""
    kind, *words = command
    if kind not in ("CMD", "CMD-SHELL") or not words:
        return None
    if kind == "CMD":
        is_shell = words[0] in _SHELLS and len(words) >= 3 and re.fullmatch(r"-[a-z]*c", words[1])
        return _shell(words[2]) if is_shell else _words(words)
    if len(words) == 1:
        return _shell(words[0])
    text = " ".join(words)
    fault = f"has {len(words)} words behind CMD-SHELL, which runs the first one alone: `{words[0]}`"
    return HealthCommand(text, None, fault, f"Write one line: [CMD-SHELL, {_quoted(text)}].")


def _words(words: Sequence[str]) -> HealthCommand:
    """A command that is run without a shell."""
    text = " ".join(words)
    operator = next((word for word in words if word in _OPERATORS), None)
    variable = next((found[0] for word in words if (found := _VARIABLE.search(word))), None)
    fault = None
    if len(words) == 1 and re.search(r"\s", words[0].strip()):
        fault = "is one word behind CMD, and no program has this name, with its spaces"
    elif operator is not None:
        fault = f"has `{operator}` behind CMD, which no shell reads: the program gets it as an argument"
    elif variable is not None and words[0].rpartition("/")[2] in ("curl", "wget"):
        fault = f"has `{variable}` behind CMD, which no shell replaces"
    if fault is not None:
        return HealthCommand(text, None, fault, f"Write [CMD-SHELL, {_quoted(text)}].")
    return HealthCommand(text, ((tuple(words),),))


def program(words: Sequence[str]) -> str:
    """Return the name of the program that a simple command runs; empty without one."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "timeout":
            while rest and (rest[0].startswith("-") or re.fullmatch(r"[\d.]+[smhd]?", rest[0])):
                rest.pop(0)
        elif not (word in _PREFIXES or re.fullmatch(r"[A-Za-z_]\w*=.*", word, re.DOTALL)):
            return word.rpartition("/")[2]
    return ""


def _shell(line: str) -> HealthCommand:
    try:
        shlex.split(line)
    except ValueError:
        return HealthCommand(line, None, "has a quote that does not close", "Close the quote.")
    if _COMPOUND.search(line):
        return HealthCommand(line, None)
    lexer = shlex.shlex(_REDIRECTION.sub(" ", line.replace("\n", ";")), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:
        return HealthCommand(line, None)
    attempts: list[list[list[str]]] = [[[]]]
    for word in words:
        if word == ";":
            attempts = [[[]]]
        elif word == "||":
            attempts.append([[]])
        elif word in ("&&", "|"):
            attempts[-1].append([])
        elif re.fullmatch(r"[;&|]+", word):
            return HealthCommand(line, None)
        else:
            attempts[-1][-1].append(word)
    found = tuple(tuple(tuple(words) for words in attempt if words) for attempt in attempts)
    return HealthCommand(line, tuple(attempt for attempt in found if attempt) or None)


def _is_success(words: Sequence[str]) -> bool:
    return program(words) in ("true", ":") or tuple(words) == ("exit", "0")


def _is_failure(words: Sequence[str]) -> bool:
    return program(words) in _FAILS or (program(words) == "exit" and words[-1] not in ("0", "exit"))


def _fails(words: Sequence[str]) -> bool:
    return any(word.startswith("--fail") or (_FLAGS.fullmatch(word) is not None and "f" in word) for word in words)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
