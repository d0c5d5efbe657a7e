"""Client assertions: a client proves with its own key that it is the client it says (RFC 7523)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from remit.core.secret import Secret


class ClientAssertions(Protocol):
    def unverified_client(self, assertion: Secret) -> str:
        """The client an assertion names, to look up its keys by. Proves nothing. Raises `Unauthenticated`."""
        ...

    def verify(self, assertion: Secret, client_id: str, keys: Mapping[str, Any]) -> None:
        """Hold an assertion against the client's JWK set. It is good once, for this authorization server, for minutes.

        Raises `Unauthenticated`, or `Outage` when too many are outstanding to tell a repeated one.
        """
        ...
