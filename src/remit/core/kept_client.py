"""A client that described itself, as the store keeps it: its document as it was read, and who let it in where."""

from __future__ import annotations

from typing import Any

from remit.core.client_document import ClientDocument
from remit.core.clients import ClientAuthentication
from remit.core.rows import Stored


class Admission(Stored, frozen=True, tag="remit.admission/1"):
    """That a tenant lets the client in as it was when its document had this digest. `by` is the administrator."""

    digest: str
    by: str
    at_s: float


class KeptClient(Stored, frozen=True, tag="remit.client/1"):
    """`asked` is who was sent here by it first, by tenant: what an administrator sees who has to decide. `refused` are
    tenants whose administrators want it in no case. `fresh_until_s` is how long the document need not be read again
    (RFC 9111).
    """

    url: str
    host: str
    name: str
    redirects: tuple[str, ...]
    authentication: str
    keys: dict[str, Any]
    digest: str
    read_at_s: float
    fresh_until_s: float
    asked: dict[str, str]
    admitted: dict[str, Admission]
    refused: tuple[str, ...]

    @property
    def document(self) -> ClientDocument:
        return ClientDocument(
            url=self.url,
            host=self.host,
            name=self.name,
            redirects=frozenset(self.redirects),
            authentication=ClientAuthentication(self.authentication),
            keys=self.keys,
            digest=self.digest,
        )


def kept(document: ClientDocument, *, read_at_s: float, fresh_until_s: float) -> KeptClient:
    """A client nobody has let in yet."""
    return KeptClient(
        url=document.url,
        host=document.host,
        name=document.name,
        redirects=tuple(sorted(document.redirects)),
        authentication=document.authentication.value,
        keys=dict(document.keys),
        digest=document.digest,
        read_at_s=read_at_s,
        fresh_until_s=fresh_until_s,
        asked={},
        admitted={},
        refused=(),
    )
