"""A value that can be used but not shown."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds secret bytes with no printable, comparable, hashable or picklable form.

    `expose()` is the only way in, so that a search for it lists every place a secret is used.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def expose(self) -> bytes:
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("secrets are not compared; use hmac.compare_digest on exposed bytes where that is the point")

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are not serialised")
