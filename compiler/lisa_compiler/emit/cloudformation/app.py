"""The CDK app of a job: stacks from their inputs, synthesized and reduced to what a deployment reads."""

from __future__ import annotations

import json
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk

from lisa_compiler.emit.cloudformation.constructs.assets import Assets
from lisa_compiler.emit.cloudformation.protocol import CONTEXT, StackOutput, Synthesized

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.emit.cloudformation.protocol import Job, Outcome, StackInput

_ASSETS = ".assets.json"
_STACKS = "lisa_compiler.emit.cloudformation.stacks"
_MODULES = {
    "api-base": f"{_STACKS}.api_base",
    "api-deployment": f"{_STACKS}.api_deployment",
    "chat": f"{_STACKS}.chat",
    "core": f"{_STACKS}.core",
    "iam": f"{_STACKS}.iam",
    "models-api": f"{_STACKS}.models_api",
    "networking": f"{_STACKS}.networking",
    "rag": f"{_STACKS}.rag",
    "serve": f"{_STACKS}.serve",
    "ui": f"{_STACKS}.ui",
}
_MODEL_MODULE = f"{_STACKS}.model"


def synthesize(job: Job) -> Outcome:
    """Synthesize the stacks of a job.

    Raises:
        LisaError: the configuration asks for what AWS does not allow.
    """
    with tempfile.TemporaryDirectory(prefix="lisa-") as folder:
        output = Path(folder) / "assembly"
        app = cdk.App(
            analytics_reporting=False,
            auto_synth=False,
            context=dict(CONTEXT),
            outdir=str(output),
            stack_traces=False,
            tree_metadata=False,
        )
        stacks = {stack.component: _add_stack(app, stack) for stack in job.stacks}
        artifacts = {component: stack.artifact_id for component, stack in stacks.items()}
        if job.check:
            from lisa_compiler.emit.cloudformation.policy_checks import check  # noqa: PLC0415  # cdk-nag: 1 s

            rejected = check(app, output)
            if rejected is not None:
                return rejected
        else:
            app.synth()
        files = {path.name: path.read_bytes() for path in sorted(output.iterdir()) if path.is_file()}
    return _outputs(files, artifacts)


def _add_stack(app: cdk.App, stack: StackInput) -> cdk.Stack:
    # Each module loads the CDK's modules of its services: a job without databases does not load theirs (0.3 s).
    module = import_module(_MODEL_MODULE if stack.component.startswith("model-") else _MODULES[stack.component])
    build: Callable[[cdk.App, StackInput, Assets], cdk.Stack] = module.build
    return build(app, stack, Assets(stack.digests, stack.products))


def _outputs(files: dict[str, bytes], names: dict[str, str]) -> Synthesized:
    """Divide an assembly by its stacks, without what no deployment reads; `names` are artifacts by component."""
    manifest = json.loads(files["manifest.json"])
    artifacts: dict[str, Any] = manifest["artifacts"]
    stacks = []
    for component, name in names.items():
        # The CDK shortens the names of stacks with long ids.
        own = {one: artifacts.pop(one) for one in (f"{name}.assets", name) if one in artifacts}
        kept = [own[name]["properties"]["templateFile"]]
        for artifact in own.values():
            details = files.get(artifact.pop("additionalMetadataFile", ""))
            assets = _asset_metadata(json.loads(details)) if details else {}
            if assets:
                artifact["metadata"] = assets
            if "file" in artifact["properties"]:
                kept.append(artifact["properties"]["file"])
        content = {one: _named_assets(files[one]) if one.endswith(_ASSETS) else files[one] for one in kept}
        stacks.append(StackOutput(component=component, artifact=name, files=content, artifacts=own))
    for artifact in artifacts.values():
        artifact.pop("additionalMetadataFile", None)
    return Synthesized(tuple(stacks), manifest)


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
