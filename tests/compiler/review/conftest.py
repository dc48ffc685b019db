"""Outputs of the corpus, each compiled once: the configurations have most of what they compile to in common."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from lisa_compiler.review.output import Output, read_output

from .corpus import CERTIFICATES, Edit, configuration

ENVIRONMENT = "prod"


@dataclass
class Files:
    """A revision that is in memory."""

    content: dict[str, bytes] = field(default_factory=dict)

    def read(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        return {path: self.content[path] for path in paths if path in self.content}


def compiled(folder: Path, *edits: Edit | None) -> dict[str, bytes]:
    """Compile before.yaml with edits; the files of the project, by path."""
    from lisa_compiler.compile.pipeline import compile_environment
    from lisa_compiler.output.manifest import build

    text = yaml.safe_dump({"env": ENVIRONMENT, ENVIRONMENT: configuration(*edits)}, sort_keys=False)
    shutil.copytree(CERTIFICATES, folder / "certificates", dirs_exist_ok=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    made = compile_environment(folder, ENVIRONMENT)
    files = dict(made.files)
    products = made.products.artifacts.values()
    files["manifest.json"] = build(ENVIRONMENT, made.config, options=(), files=made.files, products=products)
    return {f"generated/{ENVIRONMENT}/{path}": content for path, content in files.items()}


@pytest.fixture(scope="session")
def output_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Output]:
    """Compile before.yaml with edits to an output; the same edits once."""
    folder = tmp_path_factory.mktemp("corpus")
    made: dict[tuple[Edit | None, ...], Output] = {}

    def output(*edits: Edit | None) -> Output:
        key = tuple(edit for edit in edits if edit is not None)
        if key not in made:
            read = read_output(Files(compiled(folder, *key)), ENVIRONMENT)
            assert read is not None
            made[key] = read
        return made[key]

    return output
