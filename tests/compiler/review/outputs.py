"""Outputs written by hand: a few resources of a few stacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from lisa_compiler.review.output import Output, read_output

from .conftest import ENVIRONMENT, Files

Template = Mapping[str, Any]

_RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "containers": {"kind": "rest-api", "buildArgs": {"BASE_IMAGE": "python:3.13"}, "platform": "linux/amd64"},
        "layers": {"python": "3.13", "indexUrl": "", "trustedHost": ""},
    }
)
_BUNDLE = "trust/lisa/ca-bundle.pem"


def resource(kind: str, **attributes: Any) -> dict[str, Any]:
    """A resource; its policies stand beside the properties."""
    beside = {
        key: attributes.pop(key)
        for key in ("DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy")
        if key in attributes
    }
    return {"Type": f"AWS::{kind}", "Properties": attributes, **beside}


def parameter(name: str) -> dict[str, str]:
    """A template's parameter that is read from Parameter Store."""
    return {"Type": "AWS::SSM::Parameter::Value<String>", "Default": name}


def files(
    stacks: Mapping[str, Mapping[str, Any]],
    *,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    region: str = "us-east-1",
    digests: Mapping[str, str] | None = None,
    images: Mapping[str, Mapping[str, str]] | None = None,
    weights: Mapping[str, Mapping[str, Any]] | None = None,
    version: str = "3.0.0",
    bundle: bytes | None = None,
    products: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, bytes]:
    """The files of an output, by path from the project."""
    manifest = {
        "schemaVersion": 2,
        "lisaVersion": version,
        "environment": ENVIRONMENT,
        "inputs": {},
        "options": {},
        "artifacts": {
            name: {**_RECIPES.get(name.partition("/")[0], {}), "sha256": digest} for name, digest in products.items()
        },
        "outputs": {**(digests or {}), **({_BUNDLE: sha256(bundle).hexdigest()} if bundle is not None else {})},
    }
    artifacts = {
        component: {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://123456789012/{region}",
            "properties": {"templateFile": f"{component}.template.json", "stackName": f"acme-{component}"},
        }
        for component in stacks
    }
    templates = {
        f"cloudformation/{component}.template.json": {
            "Description": f"LISA acme: {component}",
            "Resources": resources,
            "Parameters": (parameters or {}).get(component, {}),
        }
        for component, resources in stacks.items()
    }
    assets = {
        name: {"source": {"directory": f"../containers/{name}", "dockerBuildArgs": arguments}}
        for name, arguments in (images or {}).items()
    }
    assets |= {
        name: {
            "displayName": name,
            "source": {"executable": ["lisa", "artifacts", "materialize", name]},
            "destinations": {"place": {"imageTag": digest}},
        }
        for name, digest in products.items()
        if name.startswith("containers/")
    }
    content = {
        "manifest.json": manifest,
        "weights.json": {"models": weights or {}},
        "cloudformation/manifest.json": {"artifacts": artifacts},
        f"cloudformation/{next(iter(stacks))}.assets.json": {"dockerImages": assets},
        **templates,
    }
    written = {path: json.dumps(data).encode() for path, data in content.items()}
    written |= {_BUNDLE: bundle} if bundle is not None else {}
    return {f"generated/{ENVIRONMENT}/{path}": data for path, data in written.items()}


def output(stacks: Mapping[str, Mapping[str, Any]], **more: Any) -> Output:
    """The same, read."""
    read = read_output(Files(files(stacks, **more)), ENVIRONMENT)
    assert read is not None
    return read
