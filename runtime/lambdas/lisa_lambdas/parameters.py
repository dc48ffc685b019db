"""JSON in Parameter Store: in one parameter, or in parts below it when it is too long, as the compiler wrote it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import pydantic_core

from lisa_lambdas.aws_errors import answered_by
from lisa_lambdas.errors import UnavailableError

_SERVICE = "Parameter Store"


class Parameters:
    """The parameters below a path.

    Args:
        client: a boto3 client of SSM.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def below(self, path: str) -> Tuple[Dict[str, Any], List[str]]:
        """The values below a path, by the rest of their names, and the names of those that cannot be read.

        Parts are put together. A value cannot be read while it is updated, or when it was edited.

        Raises:
            TooManyRequestsError: Parameter Store throttles.
            UnavailableError: it fails.
        """
        texts = self.texts(path)
        values: Dict[str, Any] = {}
        unreadable: List[str] = []
        for name, text in sorted(texts.items()):
            if "/" in name:
                continue
            try:
                values[name] = _value(name, text, texts)
            except UnavailableError:
                unreadable.append(name)
        return values, unreadable

    def one(self, name: str) -> Optional[Any]:
        """The value of a name; None when there is none.

        Raises:
            TooManyRequestsError: Parameter Store throttles.
            UnavailableError: it fails, or the value is not what the compiler writes.
        """
        parent, _, last = name.rpartition("/")
        with answered_by(_SERVICE):
            found = self._client.get_parameters(Names=[name])["Parameters"]
        if not found:
            return None
        texts = {last: found[0]["Value"]}
        if _parts(texts[last]) is not None:
            texts.update({f"{last}/{number}": text for number, text in self.texts(f"{parent}/{last}").items()})
        return _value(last, texts[last], texts)

    def texts(self, path: str) -> Dict[str, str]:
        """The parameters below a path as they are written, by the rest of their names.

        Raises:
            TooManyRequestsError: Parameter Store throttles.
            UnavailableError: it fails.
        """
        with answered_by(_SERVICE):
            pages = self._client.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
            found = [parameter for page in pages for parameter in page["Parameters"]]
        return {parameter["Name"][len(path) + 1 :]: parameter["Value"] for parameter in found}


def _value(name: str, text: str, texts: Dict[str, str]) -> Any:
    parts = _parts(text)
    try:
        whole = text if parts is None else "".join(texts[f"{name}/{number}"] for number in range(parts))
        return pydantic_core.from_json(whole)
    except (KeyError, ValueError):
        raise UnavailableError(f"The parameter of {name} is being updated; try again in a moment.") from None


def _parts(text: str) -> Optional[int]:
    """How many parts a value has, which says so instead of being it."""
    try:
        found = pydantic_core.from_json(text)
    except ValueError:
        return None
    return int(found["parts"]) if isinstance(found, dict) and set(found) == {"parts"} else None
