"""The committed CloudFormation templates of an environment, as the checks read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa_schema.errors import LisaError

FOLDER = "cloudformation"
SUFFIX = ".template.json"


@dataclass(frozen=True, slots=True)
class Template:
    """One stack's template.

    Attributes:
        component: component of the stack.
        text: the file as it is.
        resources: its resources, by logical id.
    """

    component: str
    text: str
    resources: Mapping[str, Mapping[str, Any]]

    def of_type(self, *kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield logical id and properties of the resources of some types."""
        for logical_id, resource in self.resources.items():
            if resource.get("Type") in kinds:
                yield logical_id, resource.get("Properties", {})

    def kind(self, logical_id: str) -> str:
        """Type of a resource; empty when the template has none of that id."""
        return str(self.resources.get(logical_id, {}).get("Type", ""))


def read_templates(output: Path, environment: str) -> tuple[Template, ...]:
    """Read the templates in `<output>/<environment>/cloudformation`, by component.

    Raises:
        LisaError: there are none, or one is not a template.
    """
    folder = output / environment / FOLDER
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise LisaError(f"{folder} has no templates: run `lisa compile --env {environment}` first.")
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> Template:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise LisaError(f"{path} cannot be read as a template: run `lisa compile` again.") from error
    resources = content.get("Resources") if isinstance(content, dict) else None
    if not isinstance(resources, dict) or not all(isinstance(resource, dict) for resource in resources.values()):
        raise LisaError(f"{path} is not a CloudFormation template: run `lisa compile` again.")
    return Template(path.name.removesuffix(SUFFIX), text, resources)
