"""Functions' archives: handlers start with their archive and layers alone; a change reaches whoever imports it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import lisa_schema
from lisa_compiler import resources
from lisa_compiler.artifacts.archives import archive
from lisa_compiler.product import sources
from lisa_compiler.product.artifact import FunctionRecipe
from lisa_compiler.product.sources import FUNCTIONS, product_files, source_digest

PROJECT = Path("/nowhere")
# The functions' environment is read at the first request, so that importing needs none of it. The archive is all of
# LISA that the process can import: the directories of this checkout are removed from the path.
IMPORT = """
import importlib, json, sys
archive, module, site = sys.argv[1:]
sys.path = [archive, *(path for path in sys.path if "lib/python" in path), site]
handler = importlib.import_module(module)
assert callable(handler.handler)
own = ("lisa_lambdas", "lisa_oidc", "lisa_schema", "lisa_compiler")
loaded = {name: each.__file__ or "" for name, each in sys.modules.items() if name.partition(".")[0] in own}
assert all(file.startswith(archive) for file in loaded.values()), loaded
print(json.dumps(sorted(loaded)))
"""


def digests() -> dict[str, str]:
    return {name: source_digest(product_files(f"functions/{name}", FunctionRecipe(), PROJECT)) for name in FUNCTIONS}


def unpacked(name: str, folder: Path) -> Path:
    """A function's archive as Lambda unpacks it."""
    archive(product_files(f"functions/{name}", FunctionRecipe(), PROJECT), folder / "function.zip")
    with zipfile.ZipFile(folder / "function.zip") as file:
        file.extractall(folder / "task")
    return folder / "task"


def run(task: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    site = next(path for path in sys.path if path.endswith("site-packages"))
    command = [sys.executable, "-I", "-S", "-c", code, str(task), *arguments, site]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, env={})


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_handler_is_imported_from_its_archive_and_layers_alone(name: str, tmp_path: Path) -> None:
    task = unpacked(name, tmp_path)
    result = run(task, IMPORT, f"lisa_lambdas.{FUNCTIONS[name]}.handler")
    assert result.returncode == 0, result.stderr
    loaded = json.loads(result.stdout)
    # The databases whose users it makes are those of stores.
    used = {FUNCTIONS[name], *(["repository"] if name == "database" else [])}
    others = set(FUNCTIONS.values()) - used
    assert not [module for module in loaded if module.split(".")[1:2] and module.split(".")[1] in others]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_module_of_an_archive_is_importable_from_it(name: str, tmp_path: Path) -> None:
    """What is imported within a function is found as well."""
    task = unpacked(name, tmp_path)
    modules = [
        path.relative_to(task).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for path in sorted(task.rglob("*.py"))
        if path.name != "__main__.py"
    ]
    code = (
        "import importlib, sys\ntask, names, site = sys.argv[1:]\n"
        "sys.path = [task, *(path for path in sys.path if 'lib/python' in path), site]\n"
        "for name in names.split(','):\n    importlib.import_module(name)\n"
    )
    result = run(task, code, ",".join(modules))
    assert result.returncode == 0, result.stderr


def test_models_function_validates_as_the_compiler_does(tmp_path: Path) -> None:
    task = unpacked("models", tmp_path)
    for path in ("schemas/effective.schema.json", "data/instances.json", "data/regions.json"):
        assert (task / "lisa_schema" / path).is_file()


def test_rag_function_has_the_program_that_it_starts(tmp_path: Path) -> None:
    assert (unpacked("rag", tmp_path) / "lisa_lambdas/repository/extraction/__main__.py").is_file()


def edited(monkeypatch: pytest.MonkeyPatch, root: Path, path: str) -> dict[str, str]:
    """The digests after a line was added to a file of LISA."""
    read = resources.source_files
    known = (root / path).resolve()

    def edit(folder: Path) -> dict[str, bytes]:
        files = read(folder)
        if known.is_relative_to(folder.resolve()):
            files[known.relative_to(folder.resolve()).as_posix()] += b"\n# one line\n"
        return files

    monkeypatch.setattr(sources, "source_files", edit)
    return digests()


RUNTIME = resources.runtime_dir()
SCHEMA = Path(lisa_schema.__file__).parent


@pytest.mark.parametrize(
    ("root", "path", "affected"),
    [
        (RUNTIME, "lambdas/lisa_lambdas/session/store.py", {"session"}),
        (RUNTIME, "lambdas/lisa_lambdas/repository/stores/pgvector.py", {"rag"}),
        (RUNTIME, "lambdas/lisa_lambdas/authorizer/policy.py", {"authorizer"}),
        (RUNTIME, "lambdas/lisa_lambdas/environment.py", set(FUNCTIONS)),
        (RUNTIME, "lambdas/lisa_lambdas/custom_resources/website.py", set()),
        (SCHEMA, "diagnostic_types.py", {"models"}),
        (SCHEMA, "rules/models.py", {"models"}),
        (SCHEMA, "export.py", set()),
    ],
)
def test_change_of_a_file_redeploys_the_functions_that_import_it(
    root: Path, path: str, affected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digests()
    after = edited(monkeypatch, root, path)
    assert {name for name in FUNCTIONS if before[name] != after[name]} == affected
