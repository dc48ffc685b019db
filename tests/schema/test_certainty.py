"""What is an error and what a warning: a covered version, an unknown one, and an image that the user builds."""

from __future__ import annotations

import pytest

from lisa_schema import Severity

from .rule_cases.changes import MODEL_IMAGE
from .rule_cases.engine_settings import ARGUMENTS, VARIABLES
from .rule_cases.health_checks import OF_TARGETS
from .test_rules import diagnose

VLLM = "ecsModels[mistral7b].inferenceContainer=vllm"
COVERED = f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:v0.32.0'}}"
UNKNOWN = f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:nightly'}}"
LATER = f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:v0.99.0'}}"
OWN = f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:v0.32.0', path: docker/mine}}"
MIRRORED = f"{MODEL_IMAGE}={{type: registry, registry: 'registry.example.com/our-vllm:0.32.0'}}"
OTHER_BASE = f"{MODEL_IMAGE}={{baseImage: 'registry.example.com/our/vllm:v0.32.0'}}"
ERROR, WARNING = Severity.ERROR, Severity.WARNING


@pytest.mark.parametrize(
    ("rule", "change", "image", "severity"),
    [
        *(
            (rule, change, image, severity)
            for rule, change in (
                ("unknown-option", f"{ARGUMENTS}=[--task, embed]"),
                ("argument-value", f"{ARGUMENTS}=[--kv-cache-dtype, fp9]"),
                ("argument-count", f"{ARGUMENTS}=[--enforce-eager, 'true']"),
                ("argument-combination", f"{ARGUMENTS}=[--enable-auto-tool-choice]"),
            )
            for image, severity in ((COVERED, ERROR), (LATER, WARNING), (OWN, WARNING), (MIRRORED, ERROR))
        ),
        ("unknown-option", f"{ARGUMENTS}=[--no-such-option]", UNKNOWN, WARNING),
        ("unknown-option", f"{ARGUMENTS}=[--task, embed]", UNKNOWN, None),
        ("unknown-option", f"{ARGUMENTS}=[--no-such-option]", LATER, None),
        ("engine-value", f"{VARIABLES}.VLLM_USE_DEEP_GEMM='true'", COVERED, ERROR),
        ("engine-value", f"{VARIABLES}.VLLM_USE_DEEP_GEMM='true'", LATER, WARNING),
        ("engine-value", f"{VARIABLES}.VLLM_USE_DEEP_GEMM='true'", OWN, WARNING),
        ("engine-value", f"{VARIABLES}.TRUST_REMOTE_CODE='yes'", COVERED, ERROR),
        ("engine-value", f"{VARIABLES}.TRUST_REMOTE_CODE='yes'", MIRRORED, WARNING),
        ("argument-file", f"{ARGUMENTS}=[--chat-template, /opt/x.jinja]", COVERED, ERROR),
        ("argument-file", f"{ARGUMENTS}=[--chat-template, /opt/x.jinja]", OTHER_BASE, WARNING),
        ("argument-file", f"{ARGUMENTS}=[--chat-template, /opt/x.jinja]", MIRRORED, None),
        ("health-path", f"{OF_TARGETS}=/healthz", COVERED, ERROR),
        ("health-path", f"{OF_TARGETS}=/healthz", MIRRORED, WARNING),
        ("health-path", f"{OF_TARGETS}=/healthz", OWN, None),
    ],
)
def test_certainty(rule: str, change: str, image: str, severity: Severity | None) -> None:
    found = [one.severity for one in diagnose([VLLM, image, change]) if one.rule == rule]
    assert found == ([] if severity is None else [severity])
