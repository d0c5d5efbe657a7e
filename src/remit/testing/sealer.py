"""A sealer without cryptography: what it sealed it knows by heart, and nothing else opens."""

from __future__ import annotations

from remit.ports.sealer import Unsealed


class FakeSealer:
    def __init__(self) -> None:
        self._sealed: dict[str, tuple[str, bytes, bytes]] = {}

    def seal(self, purpose: str, content: bytes, *, bound_to: bytes) -> str:
        text = f"sealed-{len(self._sealed) + 1}"
        self._sealed[text] = (purpose, content, bound_to)
        return text

    def open(self, purpose: str, sealed: str, *, bound_to: bytes) -> bytes:
        found = self._sealed.get(sealed)
        if found is None or found[0] != purpose or found[2] != bound_to:
            raise Unsealed
        return found[1]
