"""Which program builds images, and what Docker is told to do, with a stand-in for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_compiler.artifacts import images
from lisa_compiler.artifacts.artifact import Artifact, ArtifactType, BuildContext, PrebuiltFile
from lisa_compiler.aws.errors import DeployError

DOCKER = """#!/bin/sh
[ "$1" = version ] && { [ -e FOLDER/stopped ] && exit 1; echo 29.0; exit 0; }
[ "$1" = image ] && { [ -e FOLDER/built ]; exit; }
[ "$1" = load ] && { cat FOLDER/loaded; exit 0; }
echo "$@" >> FOLDER/log
[ "$1" = login ] && { read -r line; echo "stdin: $line" >> FOLDER/log; }
exit 0
"""
CONTEXT = BuildContext(Path("/context"), (("A", "1"), ("B", "2 3")), "linux/amd64")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a Docker that answers; the only one on PATH besides sh's own tools."""
    program = tmp_path / "docker"
    program.write_text(DOCKER.replace("FOLDER", str(tmp_path)))
    program.chmod(0o755)
    (tmp_path / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CDK_DOCKER", raising=False)
    return tmp_path


def image(source: BuildContext | PrebuiltFile) -> Artifact:
    return Artifact(kind=ArtifactType.IMAGE, name="rest-api", digest="abc", source=source, places=())


def test_docker_comes_first_when_its_engine_answers(docker: Path) -> None:
    assert images.find_builder() == images.Docker(str(docker / "docker"), "29.0")


def test_another_program_with_dockers_command_line(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (docker / "docker").rename(docker / "finch")
    monkeypatch.setenv("CDK_DOCKER", "finch")
    assert images.find_builder() == images.Docker(str(docker / "finch"), "29.0")


def test_buildah_comes_next(docker: Path) -> None:
    (docker / "stopped").touch()
    with pytest.raises(DeployError, match="docker is installed, but its engine does not respond: start it, or install"):
        images.find_builder()
    buildah = docker / "buildah"
    buildah.write_text("#!/bin/sh\necho 'buildah version 1.28.2 (image-spec 1.0.2)'\n")
    buildah.chmod(0o755)
    assert images.find_builder() == images.Buildah(str(buildah), "1.28.2")


def test_warnings_of_an_engine_are_not_its_version(docker: Path) -> None:
    text = (docker / "docker").read_text()
    (docker / "docker").write_text(text.replace("echo 29.0", "printf 'WARNING: no swap\\n29.0\\n'"))
    assert images.find_builder() == images.Docker(str(docker / "docker"), "29.0")


@pytest.mark.parametrize(
    ("printed", "version"), [("WARN cgroups v1\nbuildah version 1.28.2 (x)", "1.28.2"), ("", ""), ("odd", "")]
)
def test_warnings_of_buildah_are_not_its_version(docker: Path, printed: str, version: str) -> None:
    (docker / "stopped").touch()
    buildah = docker / "buildah"
    buildah.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\n")
    buildah.chmod(0o755)
    assert images.find_builder() == images.Buildah(str(buildah), version)


@pytest.mark.parametrize(("printed", "is_image"), [(f"{'a' * 64}\nwarning: slow", True), ("warning: slow", False)])
def test_warnings_of_buildah_are_not_the_image_that_it_loaded(docker: Path, printed: str, is_image: bool) -> None:
    program = docker / "buildah"
    program.write_text(f"#!/bin/sh\n[ $1 = pull ] && cat <<'END'\n{printed}\nEND\necho $@ >> {docker}/log\n")
    program.chmod(0o755)
    buildah = images.Buildah(str(program), "1.28.2")
    if is_image:
        buildah.load("localhost/x:1", docker / "image.tar")
        assert (docker / "log").read_text().splitlines()[-1] == f"tag {'a' * 64} localhost/x:1"
    else:
        with pytest.raises(DeployError, match="create it with `docker save`"):
            buildah.load("localhost/x:1", docker / "image.tar")


def test_an_image_is_built_with_its_arguments_and_the_options_of_the_machine(
    docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISA_BUILD_OPTIONS", "--network=host -v '/a b:/c'")
    assert images.build_or_load(images.find_builder(), image(CONTEXT)) == "localhost/lisa/rest-api:abc"
    assert (docker / "log").read_text() == (
        "build --platform linux/amd64 --build-arg A=1 --build-arg B=2 3 --network=host -v /a b:/c "
        "--tag localhost/lisa/rest-api:abc /context\n"
    )


def test_an_image_that_is_here_is_not_built(docker: Path) -> None:
    (docker / "built").touch()
    images.build_or_load(images.find_builder(), image(CONTEXT))
    assert not (docker / "log").exists()


@pytest.mark.parametrize("said", ["Loaded image: lisa:1\n", "noise\nLoaded image ID: sha256:12\n"])
def test_a_tarball_is_loaded_and_named(docker: Path, said: str) -> None:
    (docker / "loaded").write_text(said)
    images.Docker(str(docker / "docker"), "29").load("localhost/lisa/x:abc", Path("/image.tar"))
    assert (docker / "log").read_text() == f"tag {said.rsplit(maxsplit=1)[-1]} localhost/lisa/x:abc\n"


def test_a_tarball_without_an_image_is_refused(docker: Path) -> None:
    (docker / "loaded").write_text("")
    with pytest.raises(DeployError, match="contains no image"):
        images.Docker(str(docker / "docker"), "29").load("localhost/lisa/x:abc", Path("/image.tar"))


def test_a_password_goes_through_a_pipe(docker: Path) -> None:
    images.log_in(images.find_builder(), "registry.example.com", "secret")
    assert (docker / "log").read_text() == (
        "login --username AWS --password-stdin registry.example.com\nstdin: secret\n"
    )


def test_a_push_names_the_image_first(docker: Path) -> None:
    images.push(images.find_builder(), "localhost/lisa/x:abc", "registry.example.com/x:abc")
    assert (docker / "log").read_text().splitlines() == [
        "tag localhost/lisa/x:abc registry.example.com/x:abc",
        "push registry.example.com/x:abc",
    ]
