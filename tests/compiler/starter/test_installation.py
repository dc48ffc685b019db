"""How a repository that `lisa init` made installs LISA: by a user's own commands, in a new virtual environment."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from locks import read_lock
from packaging.requirements import Requirement
from typer.testing import CliRunner, Result

from lisa_compiler import distribution
from lisa_compiler.cli.app import app
from lisa_compiler.starter.repository import INSTALL
from lisa_schema.version import VERSION

ANSWERS = ("deploymentName=ours", "environments=dev", "authority=https://idp.example.com", "clientId=web",
           "accountNumber=012345678901", "region=eu-west-1")  # fmt: skip
WHEEL = f"lisa_gitops-{VERSION}-py3-none-any.whl"


def init(directory: Path, *options: str) -> Result:
    arguments = ["init", str(directory), "--defaults", *(f"--set={answer}" for answer in ANSWERS), *options]
    return CliRunner().invoke(app, arguments, prog_name="lisa")


@pytest.fixture
def _uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lisa_compiler.starter.repository.compile_all", lambda *_: None)


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))}
    environment = kept | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    return subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_commands_of_the_readme_install_the_vendored_wheel_and_compile_without_an_index(tmp_path: Path) -> None:
    made = tmp_path / "ours"
    result = init(made, "--vendor")
    assert result.exit_code == 0, result.stderr
    assert f"LISA is installed from vendor/{WHEEL} in the repository." in result.stderr
    block = re.search(r"## Change the configuration\n\n```bash\n(.*?)```", (made / "README.md").read_text(), re.DOTALL)
    assert block is not None
    create, install, *commands = [line.split("  #")[0].strip() for line in block[1].splitlines() if line]
    assert install == INSTALL
    created = run(create, made)
    assert created.returncode == 0, created.stderr
    # What LISA requires is installed in this environment, at the versions of the lock: pip finds it there.
    (site,) = made.glob(".venv/lib/python3*/site-packages")
    (site / "locked.pth").write_text(sysconfig.get_path("purelib"))
    activate = ". .venv/bin/activate"
    installed = run(f"{activate}\n{install}", made)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert sorted(path.name for path in site.glob("lisa_*")) == [
        "lisa_compiler", f"lisa_gitops-{VERSION}.dist-info", "lisa_schema", "lisa_weights"
    ]  # fmt: skip
    for command in (*(command for command in commands if command.startswith("lisa ") and "diff" not in command),
                    "lisa compile --all --check"):  # fmt: skip
        outcome = run(f"{activate}\n{command}", made)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.usefixtures("_uncompiled")
def test_changed_wheel_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / WHEEL).write_bytes(b"one")
    made = tmp_path / "ours"
    assert init(made, "--wheel", str(tmp_path / WHEEL)).exit_code == 0
    digest = hashlib.sha256(b"one").hexdigest()
    assert f"lisa-gitops=={VERSION} --hash=sha256:{digest}" in (made / "requirements-lisa.txt").read_text()
    (made / "vendor" / WHEEL).write_bytes(b"another")
    subprocess.run([sys.executable, "-m", "venv", made / ".venv"], check=True)
    result = run(". .venv/bin/activate\npip install --no-deps -r requirements-lisa.txt", made)
    assert result.returncode != 0
    assert "DO NOT MATCH THE HASHES" in result.stderr


@pytest.mark.usefixtures("_uncompiled")
def test_published_version_is_the_default_and_init_says_so(tmp_path: Path) -> None:
    result = init(tmp_path / "ours")
    assert (tmp_path / "ours/requirements-lisa.txt").read_text().splitlines()[1:] == [f"lisa-gitops=={VERSION}"]
    assert f"LISA is installed from the package index, which must contain lisa-gitops {VERSION}. Pass --vendor" in (
        result.stderr
    )
    assert not (tmp_path / "ours/vendor").exists()


@pytest.mark.usefixtures("_uncompiled")
def test_workflows_install_by_the_same_commands(tmp_path: Path) -> None:
    init(tmp_path / "ours")
    for name in ("check", "compile", "deploy-environment", "drift"):
        workflow = yaml.safe_load((tmp_path / f"ours/.github/workflows/{name}.yml").read_text())
        runs = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
        assert INSTALL in runs


@pytest.mark.usefixtures("_uncompiled")
def test_everything_that_lisa_requires_is_locked_by_hash(tmp_path: Path) -> None:
    init(tmp_path / "ours")
    text = (tmp_path / "ours/requirements.txt").read_text()
    assert "\n--only-binary=:all:\n" in text
    (tmp_path / "lock.txt").write_text(text.replace("--only-binary=:all:\n", ""))
    names = {pin.name for pin in read_lock(tmp_path / "lock.txt")}
    project = (distribution.checkout() or Path()) / "pyproject.toml"
    import tomllib

    content = tomllib.loads(project.read_text())["project"]
    extras = content["optional-dependencies"]
    asked = [*content["dependencies"], *extras["aws"], *extras["policy"]]
    assert {Requirement(text).name for text in asked} <= names


@pytest.mark.usefixtures("_uncompiled")
def test_requirement_is_written_as_it_is_given(tmp_path: Path) -> None:
    result = init(tmp_path / "ours", "--requirement", "lisa-gitops @ file:///srv/lisa.whl")
    assert (tmp_path / "ours/requirements-lisa.txt").read_text().splitlines()[1:] == [
        "lisa-gitops @ file:///srv/lisa.whl"
    ]
    assert "LISA is installed from `lisa-gitops @ file:///srv/lisa.whl`." in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--wheel", "no-such.whl"), f"no-such.whl does not exist. Pass the wheel of LISA {VERSION}."),
        (("--wheel", __file__), "is not the wheel of LISA"),
        (("--vendor", "--requirement", "x"), "cannot be combined"),
    ],
)
def test_other_file_is_refused_and_nothing_is_made(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    result = init(tmp_path / "ours", *options)
    assert result.exit_code == 1
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_installed_package_asks_for_its_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lisa_compiler.distribution.checkout", lambda: None)
    result = init(tmp_path / "ours", "--vendor")
    assert result.exit_code == 1
    assert "Pass the file with `--wheel FILE`." in result.stderr
    assert list(tmp_path.iterdir()) == []
