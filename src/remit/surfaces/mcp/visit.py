"""One request on its way through the endpoint: what is known of it so far."""

from __future__ import annotations

import msgspec

from remit.core.catalog import Era
from remit.core.principals import Authenticated
from remit.surfaces.mcp.exchange import Responder
from remit.surfaces.mcp.place import Place
from remit.wire.headers import Fields


class Visit(msgspec.Struct):
    """`id` is what an answer goes under: `null` until the message's own id is known. `fields` no longer holds the
    token.
    """

    place: Place
    fields: Fields
    verb: bytes
    body: bytes
    responder: Responder
    authenticated: Authenticated
    era: Era
    id: bytes = b"null"
    method: str = ""
    version: str = ""
