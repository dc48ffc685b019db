"""A project to deploy, a local AWS, and the commands of `lisa` as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lisa_compiler
import lisa_schema
import lisa_weights
from lisa_compiler.dev.local_aws import LocalAws

ACCOUNT = "123456789012"
REGION = "us-east-1"
ROOT = Path(__file__).parents[3]
TOOLS = f"{ROOT / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}"
"""PATH with what `make deployment-parts` installs."""
SOURCES = os.pathsep.join(
    str(Path(next(iter(module.__path__))).parent) for module in (lisa_compiler, lisa_schema, lisa_weights)
)


REMOVED = ("AWS_", "CDK_", "LISA_", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Site:
    """A project, and the AWS that it is deployed to.

    Attributes:
        folder: the project.
        aws: address of the local AWS.
        environment: what the commands see besides.
    """

    folder: Path
    aws: str
    environment: dict[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(REMOVED)}
        return {
            **kept,
            "PYTHONPATH": SOURCES,
            "AWS_ENDPOINT_URL": self.aws,
            "AWS_ENDPOINT_URL_S3": self.aws,
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PATH": TOOLS,
            "CDK_HOME": str(self.folder.parent / "cdk-home"),
            "NO_PROXY": "localhost,127.0.0.1",
            **self.environment,
        }

    def command(self, *arguments: str) -> list[str]:
        first = 2 if arguments[0] in {"ami", "artifacts", "weights"} else 1
        return [
            *(sys.executable, "-m", "lisa_compiler", *arguments[:first]),
            *("--project", str(self.folder), "--env", "dev", *arguments[first:]),
            *(["--no-verify"] if arguments[0] == "deploy" else []),
        ]

    def lisa(self, *arguments: str, **environment: str) -> Result:
        """Run a command; a deployment is not verified, because no instance runs here."""
        done = subprocess.run(
            self.command(*arguments),
            env={**self.variables(), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def interrupted(self, mark: str, how: signal.Signals, *arguments: str) -> Result:
        """Run a command and interrupt it, with all that it started, as soon as it says something."""
        said = []
        with subprocess.Popen(
            self.command(*arguments),
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if mark in line:
                    os.killpg(process.pid, how)
                    mark = "\0"
        return Result(process.returncode, "", "".join(said))

    def client(self, service: str) -> Any:
        return LocalAws(self.aws, ACCOUNT, REGION).client(service)

    @property
    def assembly(self) -> Path:
        return self.folder / "generated/dev/cloudformation"

    def assets(self, kind: str) -> Iterator[dict[str, Any]]:
        """The assets of all stacks: `files` or `dockerImages`."""
        for path in sorted(self.assembly.glob("*.assets.json")):
            yield from json.loads(path.read_bytes())[kind].values()

    def stacks(self) -> dict[str, str]:
        """Status by name of the stacks of the deployment."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        bootstrapped = {"CDKToolkit", "lisa-deployments"}
        return {stack["StackName"]: stack["StackStatus"] for stack in found if stack["StackName"] not in bootstrapped}

    def templates_match(self) -> bool:
        """Whether every deployed template is the compiled one, and every compiled one is deployed."""
        cloudformation = self.client("cloudformation")
        deployed = {name: cloudformation.get_template(StackName=name)["TemplateBody"] for name in self.stacks()}
        manifest = json.loads((self.assembly / "manifest.json").read_bytes())["artifacts"]
        compiled = {
            entry["properties"]["stackName"]: json.loads(
                (self.assembly / entry["properties"]["templateFile"]).read_bytes()
            )
            for entry in manifest.values()
            if entry["type"] == "aws:cloudformation:stack"
        }
        as_data = {name: json.loads(body) if isinstance(body, str) else body for name, body in deployed.items()}
        return as_data == compiled

    def push_image(self, repository: str, tag: str) -> None:
        """Put an image without content where a real one belongs, unless there is one, so that it is not built."""
        digest = f"sha256:{'0' * 64}"
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": digest},
            "layers": [],
        }
        registry = self.client("ecr")
        there = registry.exceptions.ImageAlreadyExistsException, registry.exceptions.ImageTagAlreadyExistsException
        with suppress(*there):
            registry.put_image(repositoryName=repository, imageTag=tag, imageManifest=json.dumps(manifest))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text, before
    path.write_text(text.replace(before, after, 1))
