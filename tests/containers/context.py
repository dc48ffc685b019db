"""Rendered contexts, and stand-ins for the programs that their entrypoints call."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lisa_compiler.emit.containers import ContextSpec, emit_context
from lisa_compiler.plan.images import BuiltImage, ImageKind
from lisa_compiler.product.sources import image_code

BUCKET = "models"
MODEL = "org/name"
SERVERS = {
    "tgi": "text-generation-launcher",
    "tei": "text-embeddings-router",
    "vllm": "vllm",
    "sglang": "sglang",
    "instructor": "uvicorn",
}
"""The program that serves, by inference container."""

FAKE_S5CMD = """#!{python}
import hashlib, os, pathlib, shlex, sys
store = pathlib.Path(os.environ["FAKE_S3"])
log = open(os.environ["FAKE_LOG"], "a")
arguments = [a for a in sys.argv[1:]]
if arguments[:2] == ["ls", "--etag"]:
    prefix = store / arguments[2].removeprefix("s3://").removesuffix("/*")
    files = sorted(p for p in prefix.rglob("*") if p.is_file())
    if not files:
        sys.exit("no object found")
    for p in files:
        etag = hashlib.md5(p.read_bytes()).hexdigest()
        print(f"2026/01/01 00:00:00 {{etag:>35}} {{p.stat().st_size:>20}}  {{p.relative_to(prefix)}}")
    sys.exit(0)
assert arguments[-1] == "run", arguments
limit = pathlib.Path(os.environ["FAKE_LIMIT"])
damages = pathlib.Path(os.environ.get("FAKE_OUT", os.devnull))
for line in sys.stdin:
    command, raw, source, target = shlex.split(line)
    assert (command, raw) == ("cp", "--raw"), line
    content = (store / source.removeprefix("s3://")).read_bytes()
    if limit.exists():
        left = int(limit.read_text())
        limit.write_text(str(left - 1))
        if left <= 0:
            limit.unlink()
            pathlib.Path(target).write_bytes(content[: len(content) // 2])
            sys.exit("connection reset")
    print("cp", source, file=log, flush=True)
    damaged = damages / pathlib.Path(source).name
    if damaged.exists():
        left = int(damaged.read_text()) - 1
        damaged.write_text(str(left)) if left else damaged.unlink()
        content = bytes(len(content))
    pathlib.Path(target).write_bytes(content)
    print("cp", source, target, flush=True)
"""

FAKE_MOUNT = """#!/bin/sh
echo "mount-s3 $*" >>"$FAKE_LOG"
cp -R "$FAKE_S3/$1/org/name/." "$2"
"""

FAKE_SERVER = """#!/bin/bash
[[ ${1:-} != -c ]] || exec "$FAKE_PYTHON" "$@"
[[ ${2:-} != lisa_gateway.supervisor ]] || exec "$FAKE_PYTHON" -P "$@"
printf '%s\\n' "$@" >"$FAKE_OUT/$(basename "$0").arguments"
env >"$FAKE_OUT/$(basename "$0").environment"
[[ -z ${FAKE_SERVER_EXITS:-} ]] || exit "$FAKE_SERVER_EXITS"
trap 'echo yes >"$FAKE_OUT/$(basename "$0").terminated"; exit 0' TERM
echo $$ >"$FAKE_OUT/$(basename "$0").pid"
while :; do sleep 0.02; done
"""


def wait_for(path: Path, seconds: float = 20) -> str:
    """The content of a file that another process is about to write."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text().strip()):
            return text
        time.sleep(0.02)
    raise AssertionError(f"{path.name} was not written")


@dataclass(kw_only=True)
class Container:
    """A context laid out in a folder, with a bucket, a disk and fake programs beside it."""

    folder: Path
    kind: ImageKind
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def model(self) -> Path:
        """The weights on the disk."""
        return self.folder / "nvme" / "model"

    @property
    def bucket(self) -> Path:
        """The weights in the bucket."""
        return self.folder / "s3" / BUCKET / MODEL

    @property
    def copied(self) -> list[str]:
        """What s5cmd copied so far."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.removeprefix(f"cp s3://{BUCKET}/{MODEL}/") for line in lines if line.startswith("cp ")]

    def out(self, program: str, what: str) -> Path:
        """A file that a fake server writes."""
        return self.folder / "out" / f"{program}.{what}"

    def fake(self, name: str, text: str) -> None:
        """Put a program into the PATH."""
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def stage(self, files: Mapping[str, bytes]) -> None:
        """Put files into the bucket."""
        for name, content in files.items():
            path = self.bucket / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def damage(self, name: str, copies: int = 1) -> None:
        """Let the next copies of a file, given by its last name, arrive with other content of the same size."""
        (self.folder / "out" / name).write_text(str(copies))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run the entrypoint."""
        return subprocess.Popen(
            ["bash", str(self.folder / "context" / "entrypoint.sh"), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run the entrypoint to its end: exit status and standard error."""
        process = self.start(*arguments)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            stop_group(process)
        return process.returncode, errors


def stop_group(process: subprocess.Popen[str]) -> None:
    """End a process that the test started, and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def described(files: Mapping[str, bytes], status: str) -> dict[str, object]:
    """The model's part of weights.json."""
    entries = [
        {"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(files.items())
    ]
    return {"schemaVersion": 1, "model": MODEL, "prefix": MODEL, "status": status, "files": entries}


def container(folder: Path, kind: ImageKind, files: Mapping[str, bytes] | None = None) -> Container:
    """Lay a context out; `files` are what weights.json says, None for unstaged weights."""
    image = BuiltImage(
        name="model",
        kind=kind,
        context="containers/model",
        base_image="example/server:1",
        tools_image="python:3.13-slim",
        build_args=(("BASE_IMAGE", "example/server:1"),),
        custom_path=None,
    )
    rest = kind == "rest-api"
    weights = described(files or {}, "unstaged" if files is None else "staged")
    spec = ContextSpec(
        image=image,
        model=MODEL,
        weights=None if rest else weights,
    )
    for name, content in {**emit_context(spec, project=folder), **image_code(kind)}.items():
        path = folder / "context" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    made = Container(folder=folder, kind=kind)
    for name in ("bin", "out"):
        (folder / name).mkdir()
    made.bucket.mkdir(parents=True)
    made.fake("s5cmd", FAKE_S5CMD.format(python=sys.executable))
    made.fake("mount-s3", FAKE_MOUNT)
    made.fake("mountpoint", "#!/bin/sh\nexit 1\n")
    made.fake("umount", '#!/bin/sh\necho "umount $*" >>"$FAKE_LOG"\n')
    for server in (
        "text-generation-launcher",
        "text-embeddings-router",
        "vllm",
        "sglang",
        "python3",
        "uvicorn",
        "litellm",
    ):
        made.fake(server, FAKE_SERVER)
    made.environment = {
        "PATH": f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "FAKE_S3": str(folder / "s3"),
        "FAKE_LOG": str(folder / "log"),
        "FAKE_LIMIT": str(folder / "limit"),
        "FAKE_OUT": str(folder / "out"),
        "FAKE_PYTHON": sys.executable,
        "COPY_PAUSE_SECONDS": "0",
        "DRAIN_TIMEOUT": "90",
        "KEEP_ALIVE_TIMEOUT": "620",
        "AWS_REGION": "us-east-1",
    }
    if not rest:
        made.environment |= {
            "S3_BUCKET_MODELS": BUCKET,
            "MODEL_NAME": MODEL,
            "LOCAL_MODEL_PATH": str(made.model),
            "THREADS": "4",
            "FAKE_SERVER_EXITS": "0",
        }
    return made


def variables(folder: Path, program: str) -> dict[str, str]:
    """The environment that a server was started with."""
    lines = (folder / "out" / f"{program}.environment").read_text().splitlines()
    return dict(line.partition("=")[::2] for line in lines)
