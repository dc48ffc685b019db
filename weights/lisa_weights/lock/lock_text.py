"""The text of a lock file: JSON that Git or an editor may have damaged."""

from __future__ import annotations

import json
import re
from typing import Any

from lisa_weights.errors import WeightsError

RESTORE = "restore it from Git, or remove it and stage the models again with `lisa weights stage`."
"""The fix of a lock file that cannot be used, as a clause."""

_CONFLICT = re.compile(r"<{7}( |$)|={7}$|>{7}( |$)")


def read_json(data: bytes, path: str) -> Any:
    """Parse the bytes of a lock as JSON, of any form.

    Args:
        data: the file's.
        path: its name, for messages.

    Raises:
        WeightsError: it is not UTF-8 text or not JSON, or has a merge conflict.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise WeightsError(f"{path} is not UTF-8 text from byte {error.start}: {RESTORE}") from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_json(path, text, error) from error


def _not_json(path: str, text: str, error: Exception) -> WeightsError:
    conflict = next((number for number, line in enumerate(text.splitlines(), 1) if _CONFLICT.match(line)), None)
    if conflict is not None:
        return WeightsError(
            f"{path} has a merge conflict in line {conflict}: keep one side of each model's entry, and remove the lines"
            " with `<<<<<<<`, `=======` and `>>>>>>>`."
        )
    place = f" from line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
    return WeightsError(f"{path} is not JSON{place}: {RESTORE}")
