"""The example environment dev, with small weights, on a local AWS."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lisa_compiler.dev import local_aws
from lisa_compiler.dev.processes import Processes
from weights.model_files import single, write

from .site import ACCOUNT, REGION, ROOT, Site

STAND_INS = Path(__file__).with_name("stand_ins.py")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The example project, compiled with pinned AMIs and staged weights; nothing is deployed or bootstrapped."""
    folder = tmp_path_factory.mktemp("site")
    project = folder / "project"
    project.mkdir()
    shutil.copy(ROOT / "config.yaml", project)
    for model in ("mistralai/Mistral-7B-Instruct-v0.2", "intfloat/e5-large-v2"):
        write(project / "models" / model, single())
    aws, program = local_aws.plan(folder, account=ACCOUNT, region=REGION)
    with Processes() as processes:
        processes.start(replace(program, command=[program.command[0], STAND_INS]))
        made = Site(project, aws.url.replace("127.0.0.1", "localhost"))
        pinned = made.lisa("ami", "refresh")
        assert pinned.code == 0, pinned.err
        compiled = made.lisa("compile")
        assert compiled.code == 0, compiled.err
        made.client("s3").create_bucket(Bucket="demo-models-123456789012")
        staged = made.lisa("weights", "upload", "--endpoint-url", made.aws)
        assert staged.code == 0, staged.err
        yield made
