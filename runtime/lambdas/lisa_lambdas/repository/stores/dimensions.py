"""The dimension of a collection's vectors, which never changes."""

from __future__ import annotations

from typing import Sequence

from lisa_lambdas.errors import BadRequestError
from lisa_lambdas.repository.stores.contract import Collection


def must_fit(collection: Collection, vector: Sequence[float], dimensions: int) -> None:
    """Refuse a vector of another dimension than the collection has.

    Raises:
        BadRequestError: it has another.
    """
    if len(vector) != dimensions:
        raise BadRequestError(
            f"The model {collection.model_name} returns {len(vector)} dimensions, but repository "
            f"{collection.repository_id} has {dimensions} of it: serve the changed model under another name."
        )
