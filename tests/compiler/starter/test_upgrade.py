"""`lisa upgrade`: the pins of a repository become those of another version, which compiles it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app
from lisa_compiler.starter import upgrade as use_case
from lisa_compiler.starter.upgrade import UpgradeError, download, read_release

LOCK = "# by uv\nboto3==1.2.3 \\\n    --hash=sha256:aa\n"
CDK = {"package.json": '{"name": "lisa-cdk", "version": "9"}\n', "package-lock.json": '{"lockfileVersion": 3}\n'}


def wheel(folder: Path, version: str = "9.1.0", *, without: str = "") -> Path:
    path = folder / f"lisa_gitops-{version}-py3-none-any.whl"
    files = {
        "lisa_compiler/_bundled/requirements/starter.txt": LOCK,
        **{f"lisa_compiler/_bundled/templates/starter/{name}": text for name, text in CDK.items()},
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            if not without or without not in name:
                archive.writestr(name, text)
    return path


def git(project: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "config.yaml").write_text("env: dev\n")
    (folder / "requirements.txt").write_text("boto3==1.0.0 --hash=sha256:bb\n")
    (folder / "requirements-lisa.txt").write_text("lisa-gitops==1.0.0\n")
    (folder / "package.json").write_text('{"name": "lisa-cdk", "version": "1"}\n')
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is run instead of pip and of the other version; its compile writes the output."""
    commands: list[list[str]] = []

    def run(command: Sequence[str], cwd: Path | None, _failure: str) -> None:
        commands.append([Path(command[0]).name, *command[1:]])
        if command[1:] == ["compile", "--all"]:
            assert cwd is not None
            (cwd / "generated/dev").mkdir(parents=True, exist_ok=True)
            (cwd / "generated/dev/manifest.json").write_text('{"lisaVersion": "9.1.0"}\n')

    monkeypatch.setattr(use_case, "_run", run)
    return commands


def lisa(repository: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["upgrade", "--project", str(repository), *arguments], prog_name="lisa")


def test_pins_and_output_are_of_the_other_version(repository: Path, ran: list[list[str]], tmp_path: Path) -> None:
    release = wheel(tmp_path)
    result = lisa(repository, "--wheel", str(release), "--branch", "upgrade-lisa")
    assert result.exit_code == 0, result.stderr
    digest = hashlib.sha256(release.read_bytes()).hexdigest()
    assert (repository / "requirements-lisa.txt").read_text().splitlines()[1:] == [
        f"lisa-gitops==9.1.0 --hash=sha256:{digest}"
    ]
    assert (repository / "requirements.txt").read_text().splitlines()[1:] == [
        "--only-binary=:all:",
        "boto3==1.2.3 \\",
        "    --hash=sha256:aa",
    ]
    assert (repository / "package.json").read_text() == CDK["package.json"]
    assert git(repository, "branch", "--show-current") == "upgrade-lisa"
    assert git(repository, "log", "-1", "--format=%s") == "build: LISA 9.1.0"
    assert git(repository, "status", "--porcelain") == ""
    changed = git(repository, "diff", "--name-only", "main").splitlines()
    assert changed == [
        "generated/dev/manifest.json", "package-lock.json", "package.json", "requirements-lisa.txt", "requirements.txt"
    ]  # fmt: skip
    installs = [command for command in ran if "install" in command]
    assert "--require-hashes" in installs[0]
    assert ran[-1] == ["lisa", "compile", "--all"]


def test_without_a_branch_nothing_is_committed(repository: Path, ran: list[list[str]], tmp_path: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    result = lisa(repository, "--wheel", str(wheel(tmp_path)))
    assert result.exit_code == 0, result.stderr
    assert ran
    assert (git(repository, "rev-parse", "HEAD"), git(repository, "branch", "--show-current")) == (head, "main")
    assert "review and commit them" in result.stderr


def test_vendored_wheel_is_replaced(repository: Path, ran: list[list[str]], tmp_path: Path) -> None:
    (repository / "vendor").mkdir()
    (repository / "vendor/lisa_gitops-1.0.0-py3-none-any.whl").write_bytes(b"old")
    (repository / "requirements-lisa.txt").write_text("--no-index\n--find-links vendor\nlisa-gitops==1.0.0\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "vendored")
    release = wheel(tmp_path)
    assert lisa(repository, "--wheel", str(release)).exit_code == 0
    assert ran
    assert [path.name for path in (repository / "vendor").iterdir()] == [release.name]
    assert (repository / "requirements-lisa.txt").read_text().splitlines()[1:3] == ["--no-index", "--find-links vendor"]


def test_own_package_json_is_left_alone(repository: Path, ran: list[list[str]], tmp_path: Path) -> None:
    (repository / "package.json").write_text('{"name": "our-tools"}\n')
    git(repository, "commit", "--quiet", "--all", "--message", "own")
    assert lisa(repository, "--wheel", str(wheel(tmp_path))).exit_code == 0
    assert ran
    assert json.loads((repository / "package.json").read_text()) == {"name": "our-tools"}


def test_what_is_not_committed_is_not_mixed_in(repository: Path, ran: list[list[str]], tmp_path: Path) -> None:
    (repository / "config.yaml").write_text("env: prod\n")
    result = lisa(repository, "--wheel", str(wheel(tmp_path)))
    assert result.exit_code == 1
    assert "These files are not committed: config.yaml" in result.stderr
    assert ran == []
    assert (repository / "requirements-lisa.txt").read_text() == "lisa-gitops==1.0.0\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--branch", "main"), 1, "There is a branch main already"),
        (("--branch", "a..b"), 1, "is not a valid name"),
        (("--to", "2"), 2, "excludes"),
        (("--push", "origin"), 2, "requires --branch"),
    ],
)
def test_wrong_options_change_nothing(
    *, repository: Path, ran: list[list[str]], tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = lisa(repository, "--wheel", str(wheel(tmp_path)), *arguments)
    assert (result.exit_code, ran) == (code, [])
    assert words in result.stderr
    assert git(repository, "status", "--porcelain") == ""


def test_other_repository_is_refused(repository: Path, tmp_path: Path) -> None:
    git(repository, "rm", "--quiet", "requirements-lisa.txt")
    git(repository, "commit", "--quiet", "--message", "none")
    result = lisa(repository, "--wheel", str(wheel(tmp_path)))
    assert result.exit_code == 1
    assert "only repositories of `lisa init` are upgraded" in result.stderr


def test_other_file_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(UpgradeError, match=r"lisa_gitops-9\.1\.0-py3-none-any\.whl does not have the locks"):
        read_release(wheel(tmp_path, without="starter.txt"))
    broken = tmp_path / "lisa_gitops-9.2.0-py3-none-any.whl"
    broken.write_bytes(b"none")
    with pytest.raises(UpgradeError, match="does not have the locks"):
        read_release(broken)
    other = tmp_path / "boto3-1.whl"
    other.write_bytes(b"")
    with pytest.raises(UpgradeError, match="is not a wheel of LISA"):
        read_release(other)


def test_wheel_comes_from_the_index_that_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory stands in for the index, by pip's own option."""
    links = tmp_path / "links"
    links.mkdir()
    with zipfile.ZipFile(wheel(links), "a") as archive:
        archive.writestr(
            "lisa_gitops-9.1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lisa-gitops\nVersion: 9.1.0\n"
        )
        archive.writestr("lisa_gitops-9.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("lisa_gitops-9.1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    target = tmp_path / "target"
    target.mkdir()
    assert read_release(download(None, None, target)).version == "9.1.0"
    with pytest.raises(UpgradeError, match=r"pip download failed:\n"):
        download("9.9.9", None, tmp_path / "none")
    with pytest.raises(UpgradeError, match="must not have a user or password"):
        download(None, "https://user:secret@index.example.com/simple", target)
