"""Forms that LISA 2.x accepts beside its own schema, rewritten into the one form that the models know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from lisa_schema import diagnostic_types
from lisa_schema.diagnostics import Diagnostic
from lisa_schema.document import Document, Entry, MappingNode, Node, ScalarNode, SequenceNode, key_path, mapping

REST_API_CONTEXT: Final = "lib/serve/rest-api"
BUILT_IN_CONTEXTS: Final = {
    "tgi": "lib/serve/ecs-model/textgen/tgi",
    "tei": "lib/serve/ecs-model/embedding/tei",
    "instructor": "lib/serve/ecs-model/embedding/instructor",
    "vllm": "lib/serve/ecs-model/vllm",
    "sglang": "lib/serve/ecs-model/sglang",
}
"""The built-in build context of each inference container."""


def hoist_base_images(root: MappingNode) -> tuple[MappingNode, tuple[Diagnostic, ...]]:
    """Turn a `baseImage` directly in a containerConfig into an asset image; both forms at once are an error."""
    errors: list[Diagnostic] = []

    def hoist(block: MappingNode, path: tuple[str | int, ...]) -> MappingNode:
        container = block.get("containerConfig")
        if not isinstance(container, MappingNode) or "baseImage" not in container.entries:
            return block
        entries = dict(container.entries)
        base = entries.pop("baseImage")
        image = container.get("image")
        if image is None or (isinstance(image, ScalarNode) and image.is_null):
            image_node = mapping({"baseImage": base}, base.key_origin)
            entries["image"] = Entry(image_node, base.key_origin)
        elif isinstance(image, MappingNode) and not {"baseImage", "repositoryArn", "registry"} & set(image.entries):
            entries["image"] = Entry(mapping({**image.entries, "baseImage": base}, image.origin), base.key_origin)
        else:
            at = (*path, "containerConfig", "baseImage")
            message = "The container has `baseImage` and `image`, which are two forms of the same setting."
            errors.append(diagnostic_types.CONFLICTING_IMAGE_KEYS.at(base.key_origin, message, key_path=key_path(at)))
        return _with(block, "containerConfig", mapping(entries, container.origin))

    return _each_block(root, hoist), tuple(errors)


def name_built_in_contexts(document: Document) -> Document:
    """Give each asset image that has no `path` the built-in context of its inference container."""

    def name(block: MappingNode, path: tuple[str | int, ...]) -> MappingNode:
        container = block.get("containerConfig")
        image = container.get("image") if isinstance(container, MappingNode) else None
        if not isinstance(container, MappingNode) or not isinstance(image, MappingNode):
            return block
        kind, written = image.get("type"), image.get("path")
        if isinstance(kind, ScalarNode) and kind.value not in (None, "", "asset"):
            return block
        if "baseImage" not in image.entries or (written is not None and not _is_blank(written)):
            return block
        server = block.get("inferenceContainer")
        context = REST_API_CONTEXT if path[0] == "restApiConfig" else ""
        if isinstance(server, ScalarNode):
            context = BUILT_IN_CONTEXTS.get(server.text, "")
        if not context:
            return block
        node = ScalarNode(context, image.origin, plain=False)
        return _with(block, "containerConfig", _with(container, "image", _with(image, "path", node)))

    return replace(document, root=_each_block(document.root, name))


def _each_block(root: MappingNode, change: Callable[[MappingNode, tuple[str | int, ...]], MappingNode]) -> MappingNode:
    rest = root.get("restApiConfig")
    if isinstance(rest, MappingNode):
        root = _with(root, "restApiConfig", change(rest, ("restApiConfig",)))
    models = root.get("ecsModels")
    if isinstance(models, SequenceNode):
        items: tuple[Node, ...] = tuple(
            change(item, ("ecsModels", index)) if isinstance(item, MappingNode) else item
            for index, item in enumerate(models.items)
        )
        root = _with(root, "ecsModels", SequenceNode(items, models.origin))
    return root


def _with(node: MappingNode, key: str, value: Node) -> MappingNode:
    entry = node.entries.get(key)
    if entry is not None and entry.node is value:
        return node
    key_origin = entry.key_origin if entry else value.origin
    return mapping({**node.entries, key: Entry(value, key_origin)}, node.origin)


def _is_blank(node: Node) -> bool:
    return isinstance(node, ScalarNode) and (node.is_null or not node.text)
