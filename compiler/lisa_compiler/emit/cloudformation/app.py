"""The CloudFormation emitter: all stacks, as a cloud assembly that the standard `cdk` CLI deploys as it is."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa_compiler.emit.cloudformation import runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aws_cdk as cdk

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.artifacts import ArtifactDigests
    from lisa_compiler.product.artifact import ProductArtifact

_FOLDER = "cloudformation"
_ASSETS = ".assets.json"
_API_PREFIX = "AWS::ApiGateway::"
API_DEFINITION = frozenset(
    f"{_API_PREFIX}{kind}"
    for kind in ("Authorizer", "GatewayResponse", "Method", "RequestValidator", "Resource", "RestApi")
)
"""Types of what a deployment of the API contains, without the stage, the domain and the account's settings."""


def emit_cloudformation(
    deployment: Deployment, digests: ArtifactDigests, products: Mapping[str, ProductArtifact], env_js: str
) -> dict[str, bytes]:
    """Synthesise a deployment's stacks.

    Args:
        deployment: the plan.
        digests: digests of its artifacts.
        products: its product artifacts by name.
        env_js: settings of the web application, in which `${ApiUrl}` and `${RestApiUri}` are known at deployment.

    Returns:
        The files of the assembly, by path below generated/<env>.

    Raises:
        PolicyError: `runCdkNag` is on and cdk-nag has findings.
    """
    runtime.start()
    import aws_cdk as cdk

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets

    with tempfile.TemporaryDirectory(prefix="lisa-") as folder:
        output = Path(folder) / "assembly"
        app = cdk.App(
            analytics_reporting=False,
            auto_synth=False,
            context=runtime.CONTEXT,
            outdir=str(output),
            stack_traces=False,
            tree_metadata=False,
        )
        _add_stacks(app, deployment, Assets(digests, products), env_js)
        if deployment.config.run_cdk_nag:
            from lisa_compiler.emit.cloudformation.policy_checks import synthesise

            synthesise(app, output)
        else:
            app.synth()
        files = {path.name: path.read_bytes() for path in sorted(output.iterdir()) if path.is_file()}
    return {f"{_FOLDER}/{name}": content for name, content in _tidy(files).items()}


def _add_stacks(app: cdk.App, deployment: Deployment, assets: Assets, env_js: str) -> None:
    from lisa_compiler.emit.cloudformation.stacks.api_base import ApiBaseStack
    from lisa_compiler.emit.cloudformation.stacks.api_deployment import ApiDeploymentStack
    from lisa_compiler.emit.cloudformation.stacks.chat import ChatStack
    from lisa_compiler.emit.cloudformation.stacks.core import CoreStack
    from lisa_compiler.emit.cloudformation.stacks.iam import IamStack
    from lisa_compiler.emit.cloudformation.stacks.model import ModelStack
    from lisa_compiler.emit.cloudformation.stacks.models_api import ModelsApiStack
    from lisa_compiler.emit.cloudformation.stacks.networking import NetworkingStack
    from lisa_compiler.emit.cloudformation.stacks.rag import RagStack
    from lisa_compiler.emit.cloudformation.stacks.serve import ServeStack
    from lisa_compiler.emit.cloudformation.stacks.ui import UiStack

    stacks: dict[str, cdk.Stack] = {
        "iam": IamStack(app, deployment, assets),
        "networking": NetworkingStack(app, deployment),
        "core": CoreStack(app, deployment, assets),
        "api-base": ApiBaseStack(app, deployment, assets),
        "serve": ServeStack(app, deployment, assets),
        "models-api": ModelsApiStack(app, deployment, assets),
        "api-deployment": ApiDeploymentStack(app, deployment),
    }
    for model in deployment.models:
        stacks[model.component] = ModelStack(app, deployment, model, assets)
    if deployment.deploys("chat"):
        stacks["chat"] = ChatStack(app, deployment, assets)
    if deployment.deploys("rag"):
        stacks["rag"] = RagStack(app, deployment, assets)
    if deployment.deploys("ui"):
        stacks["ui"] = UiStack(app, deployment, assets, env_js)
    for component, dependencies in deployment.direct_dependencies().items():
        for dependency in dependencies:
            stacks[component].add_stack_dependency(stacks[dependency])


def _tidy(files: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out what no deployment reads, and name the API's deployment by the API's digest."""
    manifest = json.loads(files.pop("manifest.json"))
    files.pop("cdk.out", None)
    for artifact in manifest["artifacts"].values():
        details = files.pop(artifact.pop("additionalMetadataFile", ""), None)
        assets = _asset_metadata(json.loads(details)) if details else {}
        if assets:
            artifact["metadata"] = assets
    files = {name: _named_assets(content) if name.endswith(_ASSETS) else content for name, content in files.items()}
    files["manifest.json"] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    return _name_api_deployment(files)


def _named_assets(content: bytes) -> bytes:
    """An asset manifest whose assets have their names as identifiers, so that a digest stands in it only once.

    Identifiers are for messages and for choosing assets (cloud assembly schema, "asset manifest"). Those of the CDK,
    and the names of its destinations, repeat the digest.
    """
    manifest = json.loads(content)
    for kind in ("files", "dockerImages"):
        named = {asset["displayName"]: asset for asset in manifest[kind].values()}
        if len(named) != len(manifest[kind]):
            raise ValueError(sorted(named))
        for asset in named.values():
            places = enumerate(asset["destinations"].values())
            asset["destinations"] = {f"place-{number}" if number else "place": place for number, place in places}
        manifest[kind] = dict(sorted(named.items()))
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def _asset_metadata(details: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The entries by which the CLI finds the assets of stacks with the legacy synthesizer."""
    kept = {
        path: [{"type": entry["type"], "data": entry["data"]} for entry in entries if entry["type"] == "aws:cdk:asset"]
        for path, entries in details.items()
    }
    return {path: entries for path, entries in kept.items() if entries}


def _name_api_deployment(files: dict[str, bytes]) -> dict[str, bytes]:
    from lisa_compiler.emit.cloudformation.stacks.api_deployment import API_DIGEST_MARK

    definition = {
        name: {
            logical_id: resource
            for logical_id, resource in json.loads(content)["Resources"].items()
            if resource["Type"] in API_DEFINITION
        }
        for name, content in files.items()
        if name.endswith(".template.json")
    }
    digest = hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()
    name = "api-deployment.template.json"
    before = files[name]
    after = before.replace(API_DIGEST_MARK.encode(), f"ApiDeployment{digest[:16]}".encode())
    # Templates are assets named by their own digest.
    old, new = (hashlib.sha256(content).hexdigest().encode() for content in (before, after))
    return {
        path: after if path == name else content.replace(old, new) if path.endswith(".json") else content
        for path, content in files.items()
    }
