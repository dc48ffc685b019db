"""The intake report as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lisa_schema.atomic_file import replace_file
from lisa_weights.errors import WeightsError
from lisa_weights.intake.provenance import cyclonedx_bom, slsa_statement
from lisa_weights.intake.report import IntakeReport
from lisa_weights.intake.tensor_values import TensorFinding
from lisa_weights.lock.lock_file import LockedModel, SourceKind, as_json
from lisa_weights.lock.proofs import Proof

_MAX_ROWS = 20
_UNREAD = (
    "The license, the architecture, chat templates in tokenizer_config.json, pickles and the values of tensors are "
    "unknown. For the complete report, run `lisa weights download {0}` and `lisa weights report {0}`."
)


def as_document(report: IntakeReport) -> dict[str, Any]:
    """The report as JSON, with its in-toto statement and its CycloneDX BOM."""
    content = asdict(report)
    content["locked"] = as_json(report.locked)
    return {
        "schemaVersion": 1,
        **content,
        "provenance": slsa_statement(report),
        "bom": cyclonedx_bom(report),
    }


def as_markdown(report: IntakeReport) -> str:
    """The report for a pull request."""
    return "\n".join(_lines(report)) + "\n"


def write_report(report: IntakeReport, directory: Path) -> tuple[Path, ...]:
    """Write the report in all formats, and its statement and BOM as files of their own formats.

    Raises:
        WeightsError: the directory cannot be written.
    """
    files = {
        "report.md": as_markdown(report),
        "report.json": _serialized(as_document(report)),
        "provenance.intoto.json": _serialized(slsa_statement(report)),
        "bom.cdx.json": _serialized(cyclonedx_bom(report)),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            replace_file(directory / name, content.encode(), mode=0o644)
    except OSError as error:
        raise WeightsError(f"{directory} cannot be written: {error.strerror}. Pass another directory.") from error
    return tuple(directory / name for name in files)


def _serialized(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _lines(report: IntakeReport) -> Iterator[str]:
    locked = report.locked
    yield f"# Intake report: {_code(report.model)}"
    yield ""
    yield from _table(("Property", "Value"), _properties(report))
    yield ""
    yield "## Findings"
    yield ""
    yield from (f"- {finding}" for finding in _findings(report))
    named = {True: "yes", False: "no" if report.is_read else "unknown"}
    yield from _section("Remote code", ("File", "Bytes", "In auto_map", "SHA-256"), [
        (_code(each.file.path), str(each.file.size), named[each.is_named], _code(each.file.sha256))
        for each in report.code
    ])  # fmt: skip
    yield from _section("Chat templates", ("File", "Bytes", "SHA-256"), [
        (_code(each.path), str(each.size), _code(each.sha256)) for each in report.chat_templates
    ])  # fmt: skip
    yield from _section("Pickles", ("File", "Tensors", "Result"), [
        (_code(each.path), str(each.tensors), _escape(each.problem or "only tensors and plain objects"))
        for each in report.pickles
    ])  # fmt: skip
    yield from _section("Tensors to review", ("File", "Tensor", "NaN", "Infinite", "All zero"), [
        (_code(each.file), _code(each.name), str(each.nan), str(each.infinite), "yes" if each.is_zero else "no")
        for each in (report.values or ())[:_MAX_ROWS]
    ])  # fmt: skip
    yield from _section("Files", ("File", "Bytes", "SHA-256"), [
        (_code(each.path), str(each.size), _code(each.sha256)) for each in locked.files
    ])  # fmt: skip
    if report.not_served:
        yield from ("", "## Not served", "")
        yield from (f"- {_code(each.path)}: {_escape(each.reason)}" for each in report.not_served)


def _properties(report: IntakeReport) -> list[tuple[str, str]]:
    locked = report.locked
    unknown = "unknown"
    source = (
        f"Hugging Face Hub, commit {_code(locked.revision or unknown)}"
        if locked.kind is SourceKind.HUB
        else "local directory"
    )
    dtypes = ", ".join(f"{dtype} ({count})" for dtype, count in sorted(locked.dtypes.items()))
    return [
        ("License", _escape(report.license.name or unknown)),
        ("License texts", ", ".join(map(_code, report.license.files)) or ("none" if report.is_read else unknown)),
        ("Architecture", ", ".join(map(_code, report.architectures)) or unknown),
        ("Model type", _escape(report.model_type or unknown)),
        ("Quantization", _escape(report.quantization or ("none stated" if report.is_read else unknown))),
        ("Context length", str(report.context_length or unknown)),
        *_adapter(locked),
        ("Parameters", f"{locked.parameters:,}"),
        ("Tensors by dtype", dtypes),
        ("Size", f"{locked.total_bytes:,} bytes in {len(locked.files)} files"),
        ("Source", source),
        ("Conversion", _conversion(locked.converter)),
        ("Proofs", "; ".join(map(_proof, locked.proofs)) or "none recorded"),
    ]


def _adapter(locked: LockedModel) -> list[tuple[str, str]]:
    if locked.adapter is None:
        return []
    return [
        ("Form", "LoRA adapter"),
        ("Base model", _escape(locked.adapter.base_model or "not stated")),
        ("Rank", str(locked.adapter.rank)),
        ("Compared with", ", ".join(map(_code, locked.adapter.fits)) or "no base model"),
    ]


def _proof(proof: Proof) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(proof.versions.items()))
    made = "" if proof.is_made else ", not made"
    return _escape(f"{proof.kind.value}{made}: {proof.detail}{f' ({versions})' if versions else ''}")


def _conversion(converter: int | None) -> str:
    if converter is None:
        return "unknown: locked by an older LISA"
    return f"by LISA's converter, version {converter}" if converter else "none: the safetensors came with the model"


def _findings(report: IntakeReport) -> Iterator[str]:
    yield from (f"**Differs from the lock file:** {_escape(mismatch)}" for mismatch in report.mismatches)
    if not report.is_read:
        yield f"**The files were not read: models/ does not have the model.** {_UNREAD.format(report.model)}"
    elif not report.mismatches:
        yield "All files were read and match the lock file."
    if report.code:
        yield f"**{len(report.code)} Python files** run on the server where `trust_remote_code` is set."
    rejected = sum(each.problem is not None for each in report.pickles)
    if rejected:
        yield f"**{rejected} pickles were rejected.** They are not served."
    if not report.is_read:
        return
    yield _values(report.values)
    if not report.license.name and not report.license.files:
        yield "**No license is stated.**"


def _values(values: Sequence[TensorFinding] | None) -> str:
    if values is None:
        return "Values of tensors are unknown: install numpy to check them."
    if not values:
        return "No tensor has NaN, infinity or only zeros."
    counts = (sum(each.nan > 0 for each in values), sum(each.infinite > 0 for each in values))
    zeros = sum(each.is_zero for each in values)
    return f"**Tensors to review:** {counts[0]} with NaN, {counts[1]} with infinity, {zeros} with only zeros."


def _section(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield from ("", f"## {title}", "")
        yield from _table(head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _code(text: str) -> str:
    return "`" + _plain(text).replace("`", "'").replace("|", "\\|") + "`"


def _escape(text: str) -> str:
    """Text of a model, which must not become markup in a pull request."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]<>()#|!@" else character for character in _plain(text))


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
