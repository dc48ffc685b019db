"""The description of the API, and that nothing which it allows makes the gateway fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import requests

from gateway.conftest import TOKEN
from gateway.processes import Gateway

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def test_no_request_makes_the_gateway_fail(served: Gateway, tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{served.url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {TOKEN}", "--checks", "not_a_server_error", "--no-color"]
    # One worker: CPython before 3.11.8 raises SystemError when two threads make syntax trees (gh-106905).
    command += ["--workers", "1"]
    command += ["--max-examples", "25", "--seed", "7", "--phases", "examples,coverage,fuzzing"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert said.returncode == 0, said.stdout[-5000:]
    assert "15 selected / 15 total" in said.stdout


def test_what_is_described(served: Gateway) -> None:
    document = requests.get(f"{served.url}/openapi.json", headers=AUTHORIZED, timeout=10).json()
    passed_on = {path for path in document["paths"] if path.startswith("/v2/serve")}
    assert passed_on == {f"/v2/serve/{path}" for path in ("models", "chat/completions", "completions", "embeddings")}
    older = {path for path, methods in document["paths"].items() if any(m.get("deprecated") for m in methods.values())}
    assert len(older) == 9
    assert all(path.startswith("/v1/") for path in older)
    assert "security" not in document["paths"]["/health"]["get"]
    assert document["paths"]["/v1/generate"]["post"]["security"] == [{"bearer": []}, {"apiKey": []}]


def test_the_page_needs_nothing_from_elsewhere(served: Gateway) -> None:
    answer = requests.get(f"{served.url}/docs", headers=AUTHORIZED, timeout=10)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "/v2/serve/chat/completions" in answer.text
    assert "http" not in answer.text
    assert "<script" not in answer.text
