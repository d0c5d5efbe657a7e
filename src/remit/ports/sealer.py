"""Sealing what a client keeps for us: session handles, cursors, requestState, event ids."""

from __future__ import annotations

from typing import Protocol


class Unsealed(Exception):
    """The text was not sealed here, for this purpose and this binding, or was changed. It says nothing more on
    purpose.
    """


class Sealer(Protocol):
    """Authenticated encryption under a key per purpose, so that what was sealed for one purpose opens for no other."""

    def seal(self, purpose: str, content: bytes, *, bound_to: bytes) -> str:
        """Visible ASCII (base64url). `bound_to` is authenticated but not contained: `open` needs the same."""
        ...

    def open(self, purpose: str, sealed: str, *, bound_to: bytes) -> bytes:
        """The content. Raises `Unsealed`."""
        ...
