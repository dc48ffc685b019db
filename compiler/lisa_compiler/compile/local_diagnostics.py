"""Diagnostics of files and folders that the configuration names, at the value that names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.user_context import ContextError, check_context
from lisa_schema import artifact_diagnostics
from lisa_schema.document import key_path
from lisa_schema.models import AssetImage
from lisa_schema.rules.service_paths import deployed_services, runs_own_entrypoint

if TYPE_CHECKING:
    from lisa_compiler.project.local_files import LocalFileError
    from lisa_compiler.project.project import ValidEnvironment
    from lisa_schema import Diagnostic
    from lisa_schema.document import Document


def place_local_file(error: LocalFileError, document: Document) -> Diagnostic:
    """Report an error at the value that names the file."""
    for path, leaf in document.leaves():
        if leaf.text == error.path:
            return artifact_diagnostics.LOCAL_FILE.at(leaf.origin, f"{error}", key_path=key_path(path), fix=error.fix)
    return artifact_diagnostics.LOCAL_FILE.at(None, f"{error}", fix=error.fix)


def diagnose_contexts(environment: ValidEnvironment) -> list[Diagnostic]:
    """Report build contexts of deployed services that are no folder of the project with a Dockerfile."""
    found = []
    for path, service in deployed_services(environment.config):
        image = service.container_config.image
        if not isinstance(image, AssetImage) or runs_own_entrypoint(service):
            continue
        try:
            check_context(environment.root, image.path)
        except ContextError as error:
            at = (*path, "containerConfig", "image", "path")
            origin = environment.document.origin(at)
            found.append(artifact_diagnostics.LOCAL_FILE.at(origin, f"{error}", key_path=key_path(at), fix=error.fix))
    return found
