"""A small project with weights, an image and wheels, of which bundles are made."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import yaml
from tests.compiler.conftest import configuration
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app
from lisa_compiler.deploy import deployment_context
from lisa_weights.lock.lock_file import LockedFile, LockedModel, SourceKind, WeightsLock, save

WEIGHTS = b"weights " * 1000
OTHER_WEIGHTS = WEIGHTS.replace(b"w", b"W")
MANIFEST = {"schemaVersion": 2, "lisaVersion": "3.0.0", "artifacts": {}, "outputs": {}}


def lisa(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="lisa")


def wheel(folder: Path, name: str, version: str, licence: str | None = None) -> None:
    """Write a wheel that holds nothing but its metadata."""
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
    metadata += f"License-Expression: {licence}\n" if licence else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", metadata)


@pytest.fixture
def cdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that passes for the cdk CLI's."""
    import base64
    import hashlib

    package = tmp_path / "aws-cdk.tgz"
    package.write_bytes(b"the cdk CLI")
    digest = base64.b64encode(hashlib.sha512(b"the cdk CLI").digest()).decode()
    # The one that imports the other comes first: otherwise it would import this one, and keep it.
    for module in ("create", "dependencies"):
        monkeypatch.setattr(f"lisa_compiler.bundle.{module}.locked_cdk", lambda: ("2.9.9", f"sha512-{digest}"))
    return package


class Enclave:
    """A project, what goes with it, and the bundles that are made of it."""

    def __init__(self, folder: Path, cdk: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.cdk = cdk
        self.images = folder / "images"
        self.wheels = folder / "wheels"

    @property
    def model(self) -> Path:
        return self.project / "models/org/small-model/model.safetensors"

    def make(self, name: str = "one.tar", *arguments: object) -> Path:
        """Make a bundle that is expected to succeed."""
        result = self.bundle(name, *arguments)
        assert result.exit_code == 0, result.stderr
        return self.folder / name

    def bundle(self, name: str, *arguments: object) -> Result:
        given = ["--images", self.images, "--wheels", self.wheels, "--cdk", self.cdk]
        return lisa("bundle", "--project", self.project, "--output", self.folder / name, *given, *arguments)

    def write(self, path: str, text: str) -> None:
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def lock(self, content: bytes) -> None:
        """Lock the model's one file as these bytes, whatever is on the disk."""
        import hashlib

        file = LockedFile("model.safetensors", len(content), hashlib.sha256(content).hexdigest())
        model = LockedModel(kind=SourceKind.LOCAL, revision="abc", files=(file,), parameters=1, dtypes={"F32": 1})
        save(self.project / "weights.lock.json", WeightsLock({"org/small-model": model}))


@pytest.fixture
def enclave(tmp_path: Path, cdk: Path, monkeypatch: pytest.MonkeyPatch) -> Enclave:
    """A project whose compiled output is a few files that pass for up to date; test_freshness.py has a real one."""
    monkeypatch.setattr(deployment_context, "differences", lambda *_, **__: ())
    made = Enclave(tmp_path, cdk)
    made.write("config.yaml", yaml.safe_dump({"env": "dev", "dev": configuration()}, sort_keys=False))
    made.write("generated/dev/manifest.json", json.dumps(MANIFEST))
    made.write("generated/dev/containers/rest-api/entrypoint.sh", "#!/bin/sh\n")
    made.write(
        "generated/dev/containers/rest-api/requirements.txt", "fastapi==1.2.3\nuvicorn==4.5 ; python_version > '3'\n"
    )
    (made.project / "generated/dev/containers/rest-api/entrypoint.sh").chmod(0o755)
    made.model.parent.mkdir(parents=True)
    made.model.write_bytes(WEIGHTS)
    made.lock(WEIGHTS)
    made.images.mkdir()
    made.wheels.mkdir()
    for name in ("rest-api", "small"):
        (made.images / f"{name}.tar").write_bytes(name.encode())
    wheel(made.wheels, "lisa_gitops", "3.0.0", "Apache-2.0")
    wheel(made.wheels, "Some_Library", "1.0")
    return made
