"""Documents at URLs, without a network. The address rules hold here too: what could not be dialled cannot be read."""

from __future__ import annotations

from remit.core.egress import Trust, literal, parse_peer, refuse_address
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.ports.dialler import Fetched


class FakeFetcher:
    """`documents` maps URLs to bodies; any other URL is an outage."""

    def __init__(self, documents: dict[str, bytes] | None = None) -> None:
        self.documents = documents or {}
        self.fetched: list[str] = []
        self.fresh_s = 300.0

    async def fetch(
        self, url: str, trust: Trust, *, bytes_max: int, accept: str = "application/json", ca_file: str = ""
    ) -> Fetched:
        address = literal(parse_peer(url).host)
        if address is not None:
            refuse_address(trust, address)
        self.fetched.append(url)
        if url not in self.documents:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, url)
        if len(self.documents[url]) > bytes_max:
            raise refuse(Reason.UPSTREAM_TOO_LARGE, url)
        return Fetched(self.documents[url], self.fresh_s)
