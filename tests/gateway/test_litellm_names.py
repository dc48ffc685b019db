"""The table of LiteLLM's names is the one of the LiteLLM in the gateway's image."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.processes import LITELLM_PYTHON, ROOT
from lisa_schema.litellm.names import names, version

MODELS = "import pathlib, sys; import litellm_models as m; pathlib.Path(sys.argv[1]).write_text(m.models_table())"
PROGRAM = "import pathlib, sys; import refresh_litellm as r; pathlib.Path(sys.argv[1]).write_text(r.table())"


def test_the_table_describes_the_pinned_version() -> None:
    pinned = re.search(r"^litellm==(\S+)", (ROOT / "runtime/gateway/requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert version() == pinned[1]


def test_the_table_is_what_the_script_writes(tmp_path: Path) -> None:
    if not LITELLM_PYTHON.exists():
        pytest.skip("run `make gateway-parts`")
    written = tmp_path / "litellm.json"
    subprocess.run(
        [LITELLM_PYTHON, "-c", PROGRAM, written],
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "tools"), "PYTHONHASHSEED": "7"},
    )
    committed = ROOT / "schema/lisa_schema/data/litellm.json"
    assert written.read_text() == committed.read_text(), "run: .venv/gateway/bin/python tools/refresh_litellm.py"


def test_the_models_are_what_the_script_writes(tmp_path: Path) -> None:
    if not LITELLM_PYTHON.exists():
        pytest.skip("run `make gateway-parts`")
    written = tmp_path / "models.json"
    subprocess.run(
        [LITELLM_PYTHON, "-c", MODELS, written],
        check=True,
        capture_output=True,
        env={
            **{"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "tools")},
            **{"PYTHONHASHSEED": "7", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        },
    )
    assert written.read_text() == (ROOT / "schema/lisa_schema/data/litellm_models.json").read_text()


@pytest.mark.parametrize(
    ("block", "examples"),
    [
        ("litellmSettings", "drop_params cache_params callbacks turn_off_message_logging modify_params set_verbose"),
        ("generalSettings", "master_key alerting background_health_checks max_request_size_mb disable_spend_logs"),
        ("routerSettings", "routing_strategy num_retries redis_host model_group_alias enable_pre_call_checks"),
        ("litellmParams", "model api_base api_key order weight rpm tpm tags aws_region_name aws_role_name max_tokens"),
        ("logCallbacks", "langfuse sentry s3 s3_v2 prometheus datadog lunary helicone"),
        ("callbacks", "prometheus otel presidio detect_prompt_injection"),
        ("providers", "openai azure bedrock sagemaker vertex_ai hosted_vllm ollama litellm_proxy"),
        ("cacheParams", "type ttl host port password namespace s3_bucket_name"),
    ],
)
def test_names_that_the_documentation_of_litellm_uses_are_known(block: str, examples: str) -> None:
    assert sorted(set(examples.split()) - names(block)) == []
