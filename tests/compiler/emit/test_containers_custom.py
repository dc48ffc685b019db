"""A user's own build context."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_compiler.emit import user_context
from lisa_compiler.emit.containers import ContextSpec, emit_context
from lisa_compiler.emit.user_context import ContextError, Ignore, read_user_context
from lisa_compiler.plan.images import BuiltImage
from lisa_schema.errors import LisaError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "serve" / "src").mkdir(parents=True)
    (tmp_path / "serve" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "serve" / "src" / "main.py").write_text("pass\n")
    return tmp_path


def test_it_is_copied(project: Path) -> None:
    assert read_user_context(project, "serve") == {"Dockerfile": b"FROM scratch\n", "src/main.py": b"pass\n"}


def test_weights_and_settings_are_added_where_the_user_has_none(project: Path) -> None:
    (project / "serve" / "weights.json").write_text("mine")
    image = BuiltImage(
        name="one",
        kind="custom",
        context="containers/one",
        base_image="b",
        tools_image="t",
        build_args=(),
        custom_path="serve",
    )
    spec = ContextSpec(
        image=image,
        weights={"prefix": "org/name", "status": "unstaged", "files": []},
        settings={"litellm/config.yaml": b"x"},
    )
    files = emit_context(spec, project=project)
    assert files["weights.json"] == b"mine"
    assert files["weights.tsv"] == b"# unstaged org/name\n"
    assert files["litellm/config.yaml"] == b"x"


def refused(project: Path, path: str = "serve") -> str:
    with pytest.raises(ContextError) as caught:
        read_user_context(project, path)
    assert isinstance(caught.value, LisaError)
    assert caught.value.path == path
    assert caught.value.fix.endswith(".")
    return str(caught.value)


def test_a_misspelt_built_in_context_is_named(project: Path) -> None:
    with pytest.raises(ContextError) as caught:
        read_user_context(project, "lib/serve/ecs-model/vlm")
    assert caught.value.fix == "Write `lib/serve/ecs-model/vllm`."


def test_a_folder_that_does_not_exist(project: Path) -> None:
    assert "nothing is not a directory of the project" in refused(project, "nothing")


def test_a_folder_without_a_dockerfile(project: Path) -> None:
    assert "no Dockerfile" in refused(project, "serve/src")


@pytest.mark.parametrize("path", ["..", "/tmp", "serve/../.."])
def test_a_folder_outside_the_project(project: Path, path: str) -> None:
    assert "outside the project" in refused(project, path)


def test_a_link_that_leads_out(project: Path) -> None:
    (project / "secret").write_text("x")
    (project / "serve" / "link").symlink_to(project / "secret")
    assert "a symbolic link to a file outside of it: link" in refused(project)


def test_a_context_that_is_itself_a_link_out(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "Dockerfile").write_text("FROM scratch\n")
    (project / "other").symlink_to(elsewhere)
    assert "outside the project" in refused(project, "other")


def test_a_link_within_is_followed(project: Path) -> None:
    (project / "serve" / "link").symlink_to(project / "serve" / "src" / "main.py")
    assert read_user_context(project, "serve")["link"] == b"pass\n"


def test_a_link_to_a_folder(project: Path) -> None:
    (project / "serve" / "loop").symlink_to(project / "serve")
    assert "a symbolic link to a directory: loop" in refused(project)


def test_a_dangling_link(project: Path) -> None:
    (project / "serve" / "link").symlink_to(project / "serve" / "nothing")
    assert "a file that is not regular: link" in refused(project)


def test_a_file_that_is_too_big(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_context, "FILE_LIMIT", 100)
    (project / "serve" / "big.bin").write_bytes(b"x" * 101)
    message = refused(project)
    assert "the file big.bin, of 101 bytes" in message


def test_a_context_that_is_too_big(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_context, "CONTEXT_LIMIT", 10)
    assert "serve has over 10 bytes" in refused(project)


def test_what_dockerignore_names_is_left_out_however_big(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_context, "FILE_LIMIT", 100)
    (project / "serve" / "big.bin").write_bytes(b"x" * 101)
    (project / "serve" / ".dockerignore").write_text("# large\n*.bin\n\n")
    assert set(read_user_context(project, "serve")) == {".dockerignore", "Dockerfile", "src/main.py"}


@pytest.mark.parametrize(
    ("patterns", "left_out", "kept"),
    [
        (["*.bin"], ["a.bin"], ["sub/a.bin", "abin"]),
        (["**/*.bin"], ["a.bin", "sub/deep/a.bin"], ["a.txt"]),
        (["sub"], ["sub/a", "sub/b/c"], ["subway", "other/sub/a"]),
        (["/sub/"], ["sub/a"], ["a"]),
        (["*", "!keep", "keep/no"], ["a", "keep/no"], ["keep/a"]),
        (["a?c"], ["abc"], ["ac", "a/c"]),
        (["[ab].txt"], ["a.txt"], ["c.txt"]),
        (["sub/**"], ["sub/a", "sub/b/c"], ["a"]),
        (["a.b"], ["a.b"], ["aXb"]),
    ],
)
def test_patterns_of_dockerignore(patterns: list[str], left_out: list[str], kept: list[str]) -> None:
    ignore = Ignore.parse(*patterns)
    assert [name for name in left_out if not ignore.leaves_out(name)] == []
    assert [name for name in kept if ignore.leaves_out(name)] == []
