"""What the supervisor of the gateway's container starts, and what becomes of signals; run with fake servers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from containers.context import FAKE_SERVER, Container, container, stop_group, variables, wait_for


def rest_api(folder: Path) -> Container:
    made = container(folder, "rest-api")
    made.environment |= {
        "AUTHORITY": "https://idp.example.com",
        "CLIENT_ID": "lisa",
        "REGISTERED_MODELS_PS_NAME": "/models",
        "THREADS": "3",
        "TOKEN_TABLE_NAME": "tokens",
        "GATEWAY_CONFIGURATION_DIRECTORY": str(folder / "compiled"),
        "LITELLM_STOP_SECONDS": "5",
        "PYTHONPATH": str(folder / "context"),
        "TMPDIR": str(folder),
    }
    for name, content in {
        "gateway/routes.json": '{"schemaVersion": 1}',
        "litellm/config.yaml": "model_list: []\n",
    }.items():
        path = folder / "compiled" / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
    return made


def running(made: Container) -> tuple[subprocess.Popen[str], dict[str, int]]:
    process = made.start()
    pids = {name: int(wait_for(made.out(name, "pid"))) for name in ("litellm", "python3")}
    return process, pids


def test_rest_api_starts_both(tmp_path: Path) -> None:
    made = rest_api(tmp_path)
    process, _ = running(made)
    stop_group(process)
    option, config, *arguments = made.out("litellm", "arguments").read_text().split()
    assert (option, Path(config).suffix) == ("--config", ".yaml")
    assert arguments[:3] == ["--host", "127.0.0.1", "--port"]
    assert arguments[4:] == [
        *("--num_workers", "3", "--keepalive_timeout", "620", "--timeout_worker_healthcheck", "60")
    ]
    assert made.out("python3", "arguments").read_text().split() == ["-m", "lisa_gateway"]
    assert variables(made.folder, "python3")["HANG_TIMEOUT"] == "0"


def test_rest_api_makes_keys_that_litellm_and_the_gateway_share(tmp_path: Path) -> None:
    keys = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made = rest_api(tmp_path / name)
        process, _ = running(made)
        stop_group(process)
        proxy, gateway = variables(made.folder, "litellm"), variables(made.folder, "python3")
        for variable in ("LITELLM_KEY", "LITELLM_ADMIN_KEY"):
            assert proxy[variable] == gateway[variable]
            keys.append(proxy[variable])
        keys.append(proxy["LITELLM_MASTER_KEY"])
        assert not gateway["LITELLM_MASTER_KEY"]
    assert len(set(keys)) == 6
    assert all(re.fullmatch(r"sk-[0-9a-f]{64}", key) for key in keys)


def test_rest_api_keeps_the_master_key_that_is_configured_from_the_gateway(tmp_path: Path) -> None:
    made = rest_api(tmp_path)
    made.environment |= {"LITELLM_KEY": "sk-old", "LITELLM_MASTER_KEY": "sk-configured"}
    process, _ = running(made)
    stop_group(process)
    assert variables(made.folder, "litellm")["LITELLM_MASTER_KEY"] == "sk-configured"
    gateway = variables(made.folder, "python3")
    assert gateway["LITELLM_MASTER_KEY"] == ""
    assert re.fullmatch(r"sk-[0-9a-f]{64}", gateway["LITELLM_KEY"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended in order"])
def test_rest_api_ends_when_the_gateway_dies(tmp_path: Path, how: signal.Signals) -> None:
    made = rest_api(tmp_path)
    process, pids = running(made)
    try:
        os.kill(pids["python3"], how)
        printed, _ = process.communicate(timeout=30)
        assert process.returncode not in {0, None}
        assert "the gateway ended with status" in printed
        assert made.out("litellm", "terminated").exists()
    finally:
        stop_group(process)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended in order"])
def test_rest_api_starts_litellm_again_when_it_dies(tmp_path: Path, how: signal.Signals) -> None:
    made = rest_api(tmp_path)
    process, pids = running(made)
    try:
        made.out("litellm", "pid").unlink()
        os.kill(pids["litellm"], how)
        assert int(wait_for(made.out("litellm", "pid"))) != pids["litellm"]
        assert process.poll() is None
        assert not made.out("python3", "terminated").exists()
    finally:
        stop_group(process)


def test_rest_api_hands_a_stop_on_to_both(tmp_path: Path) -> None:
    made = rest_api(tmp_path)
    process, _ = running(made)
    try:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert made.out("litellm", "terminated").exists()
        assert made.out("python3", "terminated").exists()
    finally:
        stop_group(process)


def test_rest_api_stops_litellm_after_the_gateway(tmp_path: Path) -> None:
    made = rest_api(tmp_path)
    made.fake("python3", FAKE_SERVER.replace("exit 0", "sleep 1; exit 0"))
    process, _ = running(made)
    try:
        process.send_signal(signal.SIGTERM)
        wait_for(made.out("python3", "terminated"))
        assert not made.out("litellm", "terminated").exists()
        assert process.wait(timeout=30) == 0
        assert made.out("litellm", "terminated").exists()
    finally:
        stop_group(process)


@pytest.mark.parametrize("why", ["the gateway ends", "the container stops"])
def test_rest_api_kills_a_litellm_that_hangs(tmp_path: Path, why: str) -> None:
    made = rest_api(tmp_path)
    made.environment["LITELLM_STOP_SECONDS"] = "1"
    made.fake("litellm", FAKE_SERVER.replace("trap '", "trap '' TERM; : '"))
    process, pids = running(made)
    try:
        if why == "the gateway ends":
            os.kill(pids["python3"], signal.SIGTERM)
        else:
            process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=30)
        assert "did not stop within 1 s; killed" in printed
        assert process.returncode == (1 if why == "the gateway ends" else 0)
        with pytest.raises(ProcessLookupError):
            os.kill(pids["litellm"], 0)
    finally:
        stop_group(process)


def test_rest_api_names_missing_variables(tmp_path: Path) -> None:
    made = rest_api(tmp_path)
    for name in ("CLIENT_ID", "KEEP_ALIVE_TIMEOUT", "THREADS"):
        del made.environment[name]
    status, errors = made.run()
    assert status == 1
    assert "set these environment variables: KEEP_ALIVE_TIMEOUT THREADS CLIENT_ID" in errors


def test_rest_api_without_authentication_needs_no_authority(tmp_path: Path) -> None:
    made = rest_api(tmp_path)
    del made.environment["CLIENT_ID"], made.environment["AUTHORITY"]
    made.environment["USE_AUTH"] = "false"
    process, _ = running(made)
    stop_group(process)
