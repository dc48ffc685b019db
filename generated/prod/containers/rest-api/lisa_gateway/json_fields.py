"""Where a JSON body may hold long strings, and how much text it may hold in all.

LiteLLM repeats a parameter that it does not understand in its errors, and searches those for secrets, which takes 2 to
10 microseconds a byte: `model` with a megabyte holds it up for seconds. It counts the tokens of texts, in up to 0.4
microseconds a byte. Images and files go through it at the speed of copying.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXTS_OR_LISTS = frozenset({"input", "instructions", "prompt", "query", "suffix", "system"})
_LISTS = frozenset({"contents", "documents", "functions", "messages", "tools"})
_PARAMETERS_WITHIN = frozenset(
    {
        *("call_id", "detail", "filename", "format", "id", "media_type", "mime_type", "model", "name", "object"),
        *("role", "status", "tool_call_id", "tool_use_id", "type"),
    }
)
_SHOWN = 40  # Characters of a name that an error repeats.
_MEDIA = frozenset({"b64_json", "data", "file_data", "image_url", "url"})


class JsonFields:
    """What was found in a JSON body whose size and nesting are within the limits.

    Args:
        content: what the JSON holds.
        most_characters: what a parameter may have, which is any string outside of messages, inputs and tools, and some
            within.

    Attributes:
        long: the first member with a longer parameter, None without one.
        text_bytes: UTF-8 bytes of all strings but media: images, audio and files, by the members that hold them.
    """

    def __init__(self, content: Any, *, most_characters: int) -> None:
        self.long: str | None = None
        self.text_bytes = 0
        self._most = most_characters
        if not isinstance(content, Mapping):
            return
        for name, value in content.items():
            self._string(name[:_SHOWN], name, may_be_long=False)
            if isinstance(value, str):
                self._string(name, value, may_be_long=name in _TEXTS_OR_LISTS)
            else:
                holds_texts = isinstance(value, list) and (name in _TEXTS_OR_LISTS or name in _LISTS)
                self._visit(name, value, holds_texts=holds_texts)

    def _visit(self, name: str, value: Any, *, holds_texts: bool) -> None:
        if isinstance(value, list):
            for element in value:
                if isinstance(element, str):
                    self._string(name, element, may_be_long=holds_texts)
                elif isinstance(element, list | dict):
                    self._visit(name, element, holds_texts=holds_texts)
        elif isinstance(value, dict):
            for member, element in value.items():
                self._string(member[:_SHOWN], member, may_be_long=False)
                if isinstance(element, str):
                    self._string(member, element, may_be_long=holds_texts and member not in _PARAMETERS_WITHIN)
                elif isinstance(element, list | dict):
                    self._visit(member, element, holds_texts=holds_texts)

    def _string(self, name: str, value: str, *, may_be_long: bool) -> None:
        if not may_be_long and self.long is None and len(value) > self._most:
            self.long = name
        if name not in _MEDIA:
            self.text_bytes += len(value) if value.isascii() else len(value.encode())
