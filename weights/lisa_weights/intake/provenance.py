"""Provenance of a model as an in-toto statement with SLSA's predicate, and as a CycloneDX ML-BOM.

Both have the digests of the lock file and no time, so that the same weights give the same bytes.

Source: https://slsa.dev/spec/v1.0/provenance, https://in-toto.io/Statement/v1, https://cyclonedx.org/docs/1.6/json.
"""

from __future__ import annotations

from typing import Any

from lisa_schema.version import VERSION
from lisa_weights.intake.report import IntakeReport
from lisa_weights.lock.lock_file import LockedFile, SourceKind
from lisa_weights.output_tensors import CONVERTER_VERSION

BUILD_TYPE = "https://github.com/awslabs/LISA/docs/weights.md#convert@v1"
"""Identifies how the files of a statement were made from its dependencies."""

_BUILDER = "https://github.com/awslabs/LISA/lisa-weights"
_SPDX = {
    name.lower(): name
    for name in (
        "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0",
        "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "MPL-2.0", "Unlicense", "EPL-2.0", "PostgreSQL",
    )
}  # fmt: skip
"""Licenses of the Hub that SPDX names alike but for case; others are written as a name."""


def slsa_statement(report: IntakeReport) -> dict[str, Any]:
    """The in-toto statement: the served files as subjects, the commit and the checkpoint as dependencies."""
    locked = report.locked
    dependencies: list[dict[str, Any]] = []
    if locked.kind is SourceKind.HUB and locked.revision:
        dependencies.append({"uri": _purl(report), "digest": {"gitCommit": locked.revision}})
    dependencies += [_descriptor(file) for file in report.checkpoint]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [_descriptor(file) for file in locked.files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "model": report.model,
                    "source": {"kind": locked.kind.value, "revision": locked.revision},
                },
                "internalParameters": {
                    "converter": locked.converter,
                    "proofs": [
                        {
                            "kind": proof.kind.value,
                            "made": proof.is_made,
                            "versions": dict(sorted(proof.versions.items())),
                        }
                        for proof in locked.proofs
                    ],
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": _BUILDER, "version": {"lisa": VERSION, "converter": str(CONVERTER_VERSION)}}
            },
        },
    }


def cyclonedx_bom(report: IntakeReport) -> dict[str, Any]:
    """The ML-BOM: the model with its card, and each served file with its digest."""
    locked = report.locked
    considerations = {"modelArchitecture": report.architectures[0]} if report.architectures else {}
    family = {"architectureFamily": report.model_type} if report.model_type else {}
    properties = {
        "lisa:parameters": str(locked.parameters),
        "lisa:bytes": str(locked.total_bytes),
        **{f"lisa:dtype:{dtype}": str(count) for dtype, count in sorted(locked.dtypes.items())},
        **({"lisa:converter": str(locked.converter)} if locked.converter is not None else {}),
    }
    component: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": report.model,
        "name": report.model,
        **({"version": locked.revision, "purl": _purl(report)} if locked.revision else {}),
        **({"licenses": [{"license": _license(report.license.name)}]} if report.license.name else {}),
        "modelCard": {"modelParameters": {**family, **considerations}},
        "properties": [{"name": name, "value": value} for name, value in properties.items()],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "lisa", "version": VERSION}]},
            "component": component,
        },
        "components": [_file(report.model, file) for file in locked.files],
        "dependencies": [
            {"ref": report.model, "dependsOn": [f"{report.model}/{file.path}" for file in locked.files]},
        ],
    }


def _descriptor(file: LockedFile) -> dict[str, Any]:
    return {"name": file.path, "digest": {"sha256": file.sha256}}


def _file(model: str, file: LockedFile) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"{model}/{file.path}",
        "name": file.path,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
    }


def _license(name: str) -> dict[str, str]:
    spdx = _SPDX.get(name.lower())
    return {"id": spdx} if spdx else {"name": name}


def _purl(report: IntakeReport) -> str:
    """Package URL of a model on the Hub, whose version is the commit in lower case."""
    return f"pkg:huggingface/{report.model}@{(report.locked.revision or '').lower()}"
