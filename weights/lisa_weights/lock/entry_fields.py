"""Typed reads of a JSON object, whose errors name the key: a lock file is merged by Git and edited by people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

_MAX_SHOWN = 60


class FieldError(ValueError):
    """A value of a JSON document is missing or wrong; the text begins with its key."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object.

    Attributes:
        value: its keys and values.
        place: the key that leads to it, such as `models["org/name"].files[3]`; empty for the document.
    """

    value: Mapping[str, Any]
    place: str = ""

    @classmethod
    def of(cls, value: object, place: str = "") -> Fields:
        """Take a value as an object.

        Raises:
            FieldError: it is another type.
        """
        if not isinstance(value, dict):
            raise FieldError(f"{place or 'the document'} must be an object, and is {shown(value)}")
        return cls(value, place)

    def reject(self, key: str, problem: str) -> NoReturn:
        """Reject the value of a key.

        Raises:
            FieldError: always.
        """
        raise FieldError(f"{self._key(key)} {problem}")

    def text(self, key: str) -> str:
        """A string."""
        value = self._required(key)
        if not isinstance(value, str):
            self.reject(key, f"must be a string, and is {shown(value)}")
        return value

    def optional_text(self, key: str) -> str | None:
        """A string; None where the value is null."""
        return None if self._required(key) is None else self.text(key)

    def count(self, key: str) -> int:
        """A number of things, zero or more."""
        value = self._required(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.reject(key, f"must be a number of at least 0, and is {shown(value)}")
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._required(key)
        if not isinstance(value, bool):
            self.reject(key, f"must be true or false, and is {shown(value)}")
        return value

    def object(self, key: str) -> Fields:
        """An object."""
        return Fields.of(self._required(key), self._key(key))

    def objects(self, key: str) -> Iterator[Fields]:
        """The objects of a list."""
        for position, value in enumerate(self._list(key)):
            yield Fields.of(value, f"{self._key(key)}[{position}]")

    def texts(self, key: str) -> Iterator[str]:
        """The strings of a list."""
        for position, value in enumerate(self._list(key)):
            if not isinstance(value, str):
                self.reject(f"{key}[{position}]", f"must be a string, and is {shown(value)}")
            yield value

    def named_objects(self, key: str) -> Iterator[tuple[str, Fields]]:
        """The objects of an object, by name."""
        inner = self.object(key)
        for name, value in inner.value.items():
            yield name, Fields.of(value, f'{inner.place}["{name}"]')

    def _list(self, key: str) -> list[Any]:
        value = self._required(key)
        if not isinstance(value, list):
            self.reject(key, f"must be a list, and is {shown(value)}")
        return value

    def _required(self, key: str) -> Any:
        if key not in self.value:
            raise FieldError(f"{self.place or 'the document'} lacks the key `{key}`")
        return self.value[key]

    def _key(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


def shown(value: object) -> str:
    """A JSON value in words, shortened."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
