"""The functions emitter: the code of the Lambda functions, as one archive holds it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import lisa_schema
from lisa_compiler import local_files
from lisa_compiler.resources import runtime_dir, source_files

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment

FOLDER = "lambdas"
_PACKAGE = "lisa_lambdas"
# Verifies tokens, for the gateway too; users' own functions may rely on it as well.
_SHARED_PACKAGE = "lisa_oidc"
# Validates what is proposed by the models API as the compiler does.
_SCHEMA_PACKAGE = "lisa_schema"
# Where LISA 2.x kept its functions, and its example names it; it means LISA's own, as `lib/serve/…` does for images.
_OWN_PATH = PurePosixPath("lambda")


def emit_functions(deployment: Deployment, project: Path) -> dict[str, bytes]:
    """Copy the package lisa_lambdas, LISA's own or the one in `lambdaSourcePath`, and beside it what it works with.

    Raises:
        LocalFileError: `lambdaSourcePath` is not a folder in the project that holds the package.
    """
    path = deployment.config.lambda_source_path
    if path is None or PurePosixPath(path) == _OWN_PATH:
        sources = source_files(runtime_dir() / "lambdas" / _PACKAGE)
    else:
        given = local_files.folder(project, path)
        sources = {
            name.removeprefix(f"{_PACKAGE}/"): content
            for name, content in given.items()
            if name.startswith(f"{_PACKAGE}/")
        }
        if not sources:
            raise local_files.LocalFileError(
                path, f"has no {_PACKAGE} in it.", "Name the folder that the package is in."
            )
    packages = {
        _PACKAGE: sources,
        _SHARED_PACKAGE: source_files(runtime_dir() / "oidc" / _SHARED_PACKAGE),
        _SCHEMA_PACKAGE: source_files(Path(lisa_schema.__file__).parent),
    }
    return {
        f"{FOLDER}/{package}/{name}": content for package, files in packages.items() for name, content in files.items()
    }
