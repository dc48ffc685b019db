"""What the small files of a model's directory contain: pointers instead of content, broken JSON, no tokenizer."""

from __future__ import annotations

from pathlib import PurePosixPath

from lisa_weights.errors import WeightsError
from lisa_weights.model_shapes import is_adapter
from lisa_weights.serving.closure import Closure
from lisa_weights.serving.model_files import MAX_CONFIG_BYTES, ModelFiles, lfs_problem
from lisa_weights.serving.tokenizer_files import tokenizer_problem
from lisa_weights.serving.weight_files import ambiguity

_PARSED = ("*config.json", "*_config.json", "special_tokens_map.json", "added_tokens.json", "modules.json")
_ELSEWHERE = ("config.json", "modules.json")
"""At the model's root; find_closure and check_completeness report on them."""


def content_problems(files: ModelFiles, closure: Closure) -> tuple[str, ...]:
    """Describe why a model must not be locked although its files are there, sentences without a full stop.

    Args:
        files: the model's.
        closure: what a server reads of it.

    Raises:
        OSError: the system refuses to read a file.
    """
    if is_adapter(files.sizes):
        return ()  # check_completeness reports on its two files
    found = []
    for path in sorted({*closure.files, *closure.checkpoint} - set(closure.weights)):
        if path in _ELSEWHERE:
            continue
        if files.is_lfs_pointer(path):
            found.append(lfs_problem(path))
        elif problem := _json_problem(path, files):
            found.append(problem)
    folder = _tokenizer_folder(files, closure)
    if problem := tokenizer_problem(files, folder):
        found.append(problem)
    if closure.rivals:
        taken = closure.root_weights or tuple(path for path in closure.checkpoint if "/" not in path)
        found.append(ambiguity([path for path in taken if not path.endswith(".json")], closure.rivals))
    return tuple(found)


def _json_problem(path: str, files: ModelFiles) -> str | None:
    pure = PurePosixPath(path)
    if not any(pure.match(pattern) for pattern in _PARSED) or files.sizes[path] > MAX_CONFIG_BYTES:
        return None
    try:
        files.json(path)
    except WeightsError as error:
        return f"{path} {error}: download it again, or restore it"
    return None


def _tokenizer_folder(files: ModelFiles, closure: Closure) -> str:
    """Where the tokenizer is: in the folder of the first module that has one, where the root has none."""
    folders = {path.rpartition("/")[0] for path in closure.files if path.endswith("/tokenizer_config.json")}
    if not folders or "tokenizer_config.json" in files.sizes:
        return ""
    return f"{min(folders)}/"
