"""Which operations a hosted model can serve."""

from __future__ import annotations

from collections.abc import Collection

from lisa_gateway.errors import UnsupportedParameterError
from lisa_gateway.operations import Operation

_SERVED = {
    "chat": {
        "chat": "/chat/completions",
        "completions": "/completions",
        "messages": "/v1/messages",
        "responses": "/responses",
    },
    "embedding": {"embeddings": "/embeddings"},
}
_KINDS = {"chat": "a text generation model", "embedding": "an embedding model"}


def check_model_serves(model: str, modes: Collection[str], operation: Operation) -> None:
    """Check that a model's server has the operation, so that its 404 does not count as a fault of the model.

    Args:
        model: the model's name.
        modes: `mode` of each of its deployments; hosted models have `chat` or `embedding`, others have what is
            configured. Any other mode, and an unknown model, is LiteLLM's to judge.
        operation: the operation that is asked for.

    Raises:
        UnsupportedParameterError: no deployment serves it.
    """
    if not modes or not all(mode in _SERVED for mode in modes):
        return
    if not any(operation.group in _SERVED[mode] for mode in modes):
        routes = sorted(route for mode in modes for route in _SERVED[mode].values())
        kinds = " and ".join(_KINDS[mode] for mode in sorted(modes))
        raise UnsupportedParameterError(f"The model {model!r} is {kinds}. Use it with {', '.join(routes)}.")
