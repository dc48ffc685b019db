"""A variable that LISA owns is an error wherever the configuration may set it: file, overlay, option."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import CONFIG, Lisa

KEY = "restApiConfig.containerConfig.environment.USE_AUTH"
OVERLAY = "restApiConfig: {containerConfig: {environment: {USE_AUTH: 'false'}}}\n"


@pytest.mark.parametrize("way", ["file", "overlay", "option"])
def test_authentication_is_not_switched_off_by_a_variable(lisa: Lisa, project: Path, way: str) -> None:
    arguments = ["compile", "--env", "dev"]
    if way == "file":
        text = CONFIG.replace("dev:\n", "dev:\n  " + OVERLAY)
        (project / "config.yaml").write_text(text, encoding="utf-8")
    elif way == "overlay":
        (project / "environments").mkdir(exist_ok=True)
        (project / "environments/dev.yaml").write_text(OVERLAY, encoding="utf-8")
    else:
        arguments += ["--set", f"{KEY}=false"]
    result = lisa(*arguments)
    assert result.code == 1
    assert "LISA318 [owned-variable] `USE_AUTH` is reserved for LISA" in result.err
    assert f"key: {KEY}" in result.err
    assert not (project / "generated/dev").exists()
