"""What `lisa doctor` does: read an account or a file of facts, and say what would fail."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.cli.progress import stages
from lisa_compiler.cli.requests import shown_path
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.deploy import preflight
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from lisa_compiler.cli.targets import Target
    from lisa_compiler.deploy.preflight import Facts, Requirements, Result

_WIDTH = 116


def examine(target: Target, facts_file: Path | None, *, as_json: bool, strict: bool) -> ExitCode:
    """Say what would fail in the account, or in the one that a file of facts describes.

    Args:
        target: the environment.
        facts_file: what `export` wrote; None reads the account.
        as_json: whether the results are JSON.
        strict: whether warnings and unknown results fail.
    """
    requirements = preflight.require(target.deployment, target.assembly())
    target.warn_if_out_of_date()
    facts = preflight.load_facts(facts_file) if facts_file else _collect(target, requirements)[0]
    results = preflight.check(requirements, facts)
    counts = Counter(result.status for result in results)
    if as_json:
        head = {"environment": target.environment, "account": facts.account, "region": facts.region}
        content = {**head, "taken": facts.taken, "results": [asdict(result) for result in results]}
        put(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    else:
        put(_as_text(results))
    shown = ", ".join(f"{status}: {counts[status]}" for status in preflight.Status if counts[status])
    say(f"{target.environment} → account {facts.account}, {facts.region}, as of {facts.taken}: {shown}")
    failed = counts[preflight.Status.FAILS]
    doubts = counts[preflight.Status.WARNING] + counts[preflight.Status.UNKNOWN]
    return ExitCode.FAILED if failed or (strict and doubts) else ExitCode.OK


def export(target: Target, output: Path) -> ExitCode:
    """Read the account, and write what it says to a file for `--facts`."""
    requirements = preflight.require(target.deployment, target.assembly())
    target.warn_if_out_of_date()
    facts, permissions = _collect(target, requirements)
    try:
        output.write_text(preflight.render_facts(facts), encoding="utf-8", newline="\n")
    except OSError as error:
        raise LisaError(f"{output} cannot be written: {error.strerror}.") from error
    say(f"wrote {shown_path(output)}, read with {', '.join(permissions)}")
    say(f"check it with `lisa doctor --env {target.environment} --facts {shown_path(output)}`")
    return ExitCode.OK


def _collect(target: Target, requirements: Requirements) -> tuple[Facts, tuple[str, ...]]:
    with stages() as progress:
        return preflight.collect(requirements, target.account(), progress)


def _as_text(results: Sequence[Result]) -> str:
    """What is not ok with message and fix; then a table of what is ok."""
    lines = []
    for result in results:
        if result.status is preflight.Status.OK:
            continue
        lines.append(f"{result.status.upper()}  {result.check}  {result.subject}\n")
        lines += [f"{line}\n" for line in _wrapped(result.message)]
        lines += [f"{line}\n" for line in _wrapped(result.fix, "fix: ")]
        lines.append("\n")
    fine = [(one.status, one.check, one.subject, one.message) for one in results if one.status is preflight.Status.OK]
    return "".join(lines) + (table(("STATUS", "CHECK", "SUBJECT", "FOUND"), fine) if fine else "")


def _wrapped(text: str, start: str = "") -> list[str]:
    if not text:
        return []
    indent = " " * 2
    return textwrap.wrap(
        f"{start}{text}",
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + " " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
