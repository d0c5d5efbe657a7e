"""The legacy session handle: what `Mcp-Session-Id` says once opened. It is sealed, and it is not authority (G15)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from remit.core.errors import refuse
from remit.core.principals import Claims
from remit.core.reasons import Reason
from remit.core.request import Session

PURPOSE: Final = "session"
CONTENT_BYTES_MAX: Final = 3000


@dataclass(frozen=True, slots=True)
class Handle:
    """Bound to one grant, client, subject and endpoint."""

    grant: str
    client: str
    subject: str
    resource: str
    issued_at_s: int
    session: Session

    def encode(self) -> bytes:
        """Raises `Invalid` if what the client said about itself is too long to carry."""
        session = self.session
        members = [self.grant, self.client, self.subject, self.resource, self.issued_at_s]
        members += [session.nonce, session.version, session.upstream, dict(session.client)]
        content = json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        if len(content) > CONTENT_BYTES_MAX:
            raise refuse(
                Reason.INVALID_PARAMS, f"clientInfo and capabilities are longer than {CONTENT_BYTES_MAX} bytes"
            )
        return content

    @classmethod
    def decode(cls, content: bytes) -> Handle:
        grant, client, subject, resource, issued_at_s, nonce, version, upstream, said = json.loads(content)
        return cls(grant, client, subject, resource, issued_at_s, Session(nonce, version, said, upstream))

    def belongs_to(self, claims: Claims, resource: str) -> bool:
        """Checked on every request: whoever else presents the handle learns nothing from it."""
        return (
            self.grant == claims.grant_id
            and self.client == claims.client_id
            and self.subject == claims.subject
            and self.resource == resource
        )


def said_by_client(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of initialize's params must be kept to speak for this client later (G7); icons and links need not."""
    info = params.get("clientInfo")
    kept = {key: info[key] for key in ("name", "title", "version") if key in info} if isinstance(info, dict) else {}
    return {
        "protocolVersion": params.get("protocolVersion", ""),
        "capabilities": params.get("capabilities") or {},
        "clientInfo": kept,
    }
