"""Container images: built, loaded and pushed by Docker or by buildah, whichever this machine has.

Images are kept under `localhost/lisa/<name>:<digest>`; one of that name is whole, since both tools name an image last.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.artifacts.archives import lay_out, require_prebuilt
from lisa_compiler.artifacts.artifact import BuildContext, PrebuiltFile
from lisa_compiler.aws.errors import DeployError
from lisa_schema.atomic_file import replaced_file

if TYPE_CHECKING:
    from pathlib import Path

    from lisa_compiler.artifacts.artifact import Artifact

BUILD_OPTIONS = "LISA_BUILD_OPTIONS"
"""Environment variable of further options of each build: `--network=host`, `-v /etc/ssl/certs:/etc/ssl/certs:ro`."""

# Engines and wrappers write warnings among the line that is asked for.
_VERSION = re.compile(r"^(?:buildah version )?v?(\d+\.\d+[^\s]*)", re.MULTILINE)
_IMAGE_ID = re.compile(r"^(?:sha256:)?([0-9a-f]{64})\s*$", re.MULTILINE)
_LOADED = ("Loaded image: ", "Loaded image ID: ")


@dataclass(frozen=True, slots=True)
class Docker:
    """Docker, or a program with its command line, such as finch.

    Attributes:
        program: what is run.
        version: of the engine.
    """

    program: str
    version: str

    def has(self, image: str) -> bool:
        """Whether an image is on this machine."""
        return _succeeds([self.program, "image", "inspect", image])

    def build(self, image: str, context: BuildContext) -> None:
        """Build an image and name it."""
        _run([self.program, "build", *_options(context), "--tag", image, str(lay_out(context))])

    def load(self, image: str, tarball: Path) -> None:
        """Load an image that `docker save` wrote, and name it."""
        said = _run([self.program, "load", "--input", str(tarball)], capture=True)
        loaded = [line.removeprefix(start) for line in said.splitlines() for start in _LOADED if line.startswith(start)]
        if not loaded:
            raise DeployError(f"{tarball} contains no image: create it with `docker save`.")
        _run([self.program, "tag", loaded[-1], image])

    def save(self, image: str, tarball: Path) -> None:
        """Write an image to a new file."""
        _run([self.program, "save", "--output", str(tarball), image])

    def push(self, image: str, target: str) -> None:
        """Push an image under another name."""
        _run([self.program, "tag", image, target])
        _run([self.program, "push", target])

    def log_in(self, registry: str, password: str) -> None:
        """Log in to a registry of ECR; the password goes through a pipe, where nobody sees it."""
        _run([self.program, "login", "--username", "AWS", "--password-stdin", registry], secret=password)


@dataclass(frozen=True, slots=True)
class Buildah:
    """buildah, which needs no engine; STORAGE_DRIVER, BUILDAH_ISOLATION and its own files say how it works.

    Attributes:
        program: what is run.
        version: its own.
    """

    program: str
    version: str

    def has(self, image: str) -> bool:
        """Whether an image is on this machine."""
        return _succeeds([self.program, "inspect", "--type", "image", image])

    def build(self, image: str, context: BuildContext) -> None:
        """Build an image and name it; in Docker's format, since the other has no health checks."""
        _run([self.program, "bud", "--format", "docker", *_options(context), "--tag", image, str(lay_out(context))])

    def load(self, image: str, tarball: Path) -> None:
        """Load an image that `docker save` wrote, and name it."""
        pulled = _IMAGE_ID.findall(_run([self.program, "pull", "--quiet", f"docker-archive:{tarball}"], capture=True))
        if not pulled:
            raise DeployError(f"{tarball} has no image: create it with `docker save`.")
        _run([self.program, "tag", pulled[-1], image])

    def save(self, image: str, tarball: Path) -> None:
        """Write an image to a new file, as `docker save` does."""
        _run([self.program, "push", "--quiet", "--format", "v2s2", image, f"docker-archive:{tarball}:{image}"])

    def push(self, image: str, target: str) -> None:
        """Push an image under another name."""
        _run([self.program, "push", "--format", "v2s2", image, f"docker://{target}"])

    def log_in(self, registry: str, password: str) -> None:
        """Log in to a registry of ECR; the password goes through a pipe, where nobody sees it."""
        _run([self.program, "login", "--username", "AWS", "--password-stdin", registry], secret=password)


Builder = Docker | Buildah


def find_builder() -> Builder:
    """Find what builds images: Docker with an engine that answers (CDK_DOCKER names another program), else buildah.

    Raises:
        DeployError: there is neither.
    """
    docker = os.environ.get("CDK_DOCKER") or "docker"
    if found := shutil.which(docker):
        version = _version(_capture_output([found, "version", "--format", "{{.Server.Version}}"]))
        if version:
            return Docker(found, version)
    if buildah := shutil.which("buildah"):
        return Buildah(buildah, _version(_capture_output([buildah, "--version"])))
    start = f"{docker} is installed, but its engine does not respond: start it" if found else "Install and start Docker"
    raise DeployError(
        f"No container build tool is available. {start}, or install Buildah. "
        "Images of type ecr or registry need neither."
    )


def local_name(artifact: Artifact) -> str:
    """Name of an image on this machine."""
    return f"localhost/lisa/{artifact.name.lower()}:{artifact.digest}"


def build_or_load(builder: Builder, artifact: Artifact) -> str:
    """Build or load the image of an artifact unless it is on this machine; returns its name there.

    Raises:
        DeployError: the build failed, or a tarball is not the one that was compiled for.
    """
    image = local_name(artifact)
    if builder.has(image):
        return image
    try:
        if isinstance(artifact.source, BuildContext):
            builder.build(image, artifact.source)
        elif isinstance(artifact.source, PrebuiltFile):
            require_prebuilt(artifact)
            builder.load(image, artifact.source.path)
    except subprocess.CalledProcessError as error:
        raise DeployError(
            f"{artifact.title} cannot be built: {shlex.join(error.cmd[:2])} exited with code {error.returncode}. Fix "
            "the errors above and rerun the command; completed builds are kept."
        ) from error
    return image


def save(builder: Builder, image: str, tarball: Path) -> None:
    """Write an image as an archive, which is there whole or as it was.

    Raises:
        DeployError: it cannot be written.
    """
    try:
        tarball.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(tarball, mode=0o644) as temporary:
            builder.save(image, temporary)
    except subprocess.CalledProcessError as error:
        raise DeployError(
            f"{tarball} cannot be written: {shlex.join(error.cmd[:2])} exited with code {error.returncode}. "
            "Fix the errors above and rerun the command."
        ) from error
    except OSError as error:
        raise DeployError(f"{tarball} cannot be written: {error.strerror or error}.") from error


def push(builder: Builder, image: str, target: str) -> None:
    """Push an image; what of it the registry has is not sent again.

    Raises:
        DeployError: the registry refuses or does not answer.
    """
    try:
        builder.push(image, target)
    except subprocess.CalledProcessError as error:
        raise DeployError(
            f"{target} cannot be pushed: {shlex.join(error.cmd[:2])} exited with {error.returncode}. See the errors "
            "above, and rerun the command to resume."
        ) from error


def log_in(builder: Builder, registry: str, password: str) -> None:
    """Log in to a registry.

    Raises:
        DeployError: it refuses.
    """
    try:
        builder.log_in(registry, password)
    except subprocess.CalledProcessError as error:
        raise DeployError(f"{registry} rejected the login: see the errors above, and check the credentials.") from error


def _options(context: BuildContext) -> list[str]:
    options = ["--platform", context.platform]
    for name, value in context.arguments:
        options += ["--build-arg", f"{name}={value}"]
    return options + shlex.split(os.environ.get(BUILD_OPTIONS, ""))


def _run(command: Sequence[str], *, capture: bool = False, secret: str | None = None) -> str:
    """Run a program whose words go to the person, unless they are the answer."""
    # Data goes to stdout, and what builds and pushes say is none.
    done = subprocess.run(
        command,
        input=secret,
        stdin=subprocess.DEVNULL if secret is None else None,
        stdout=subprocess.PIPE if capture else 2,
        text=True,
        check=True,
    )
    return done.stdout or ""


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _version(answer: str) -> str:
    """The version in the output of a program; empty where it has none."""
    found = _VERSION.search(answer)
    return found[1] if found else ""


def _capture_output(command: Sequence[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
