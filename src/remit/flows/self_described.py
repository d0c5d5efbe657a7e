"""Clients that describe themselves: reading their documents, and who lets them in.

A document is read only for somebody who has signed in, never for a stranger, so that nobody can make Remit send
requests; and it makes nobody welcome: a rule for its domain does, or an administrator who has looked at it. An
administrator lets in what the document said when they looked: when it says something else, they are asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from remit.core.attempts import Attempts
from remit.core.client_document import (
    DOCUMENT_BYTES_MAX,
    ClientDocument,
    DomainRule,
    DomainTrust,
    described,
    document_host,
    is_document_url,
    parse_document,
    rule_for,
)
from remit.core.clients import ClientBook
from remit.core.egress import Learned, Registered, Trust
from remit.core.errors import Outage, refuse
from remit.core.kept_client import Admission, KeptClient, kept
from remit.core.ledger import Position, RecordKind
from remit.core.reasons import Reason
from remit.core.rows import from_row, to_row
from remit.core.sign_in import BrowserSession
from remit.ports.clock import Clock, Entropy
from remit.ports.dialler import Fetcher
from remit.ports.ledger import Ledger
from remit.ports.store import Store

CLIENT: Final = "client"
# However short a server says its document stands: one login reads it once. However long: once a day.
FRESH_S_MIN: Final = 60.0
FRESH_S_MAX: Final = 86_400.0
# Clients that nobody let in, per tenant that is asked, and those of trusted domains. The oldest is forgotten first.
WAITING_MAX: Final = 1_000
WAITING_S: Final = 2_592_000.0


@dataclass(slots=True)
class SelfDescribed:
    """The walk and its ports. `rules` are the operator's, by pattern; a host that none names is refused."""

    book: ClientBook
    rules: Mapping[str, DomainRule]
    fetcher: Fetcher
    store: Store
    ledger: Ledger
    clock: Clock
    entropy: Entropy
    readers: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=10))
    _kept: dict[str, KeptClient] = field(init=False, default_factory=dict)
    _unstored: set[str] = field(init=False, default_factory=set)  # the store may say something else than we do here

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(CLIENT):
            self._take(from_row(row.content, KeptClient))

    @property
    def any_welcome(self) -> bool:
        """Whether there is a rule by which such a client could be let in."""
        return any(rule.trust is not DomainTrust.REFUSED for rule in self.rules.values())

    def concerns(self, client_id: str) -> bool:
        return is_document_url(client_id) and not self.book.is_registered(client_id)

    # for a person -----------------------------------------------------------------------------------------------
    async def require_admitted(self, client_id: str, session: BrowserSession) -> None:
        """The client is in the book for this person's tenant, as its document says it is now; a client of the
        configuration is there anyway. Raises `Invalid` for a document that is not one, `Denied`
        (`client_not_admitted`, `limit_rate`), `Outage` when it cannot be read.
        """
        if not self.concerns(client_id):
            return
        rule = self._rule(client_id, frozenset({session.tenant}))
        client = await self._current(client_id, rule, session.account)
        if session.tenant in client.refused:
            raise refuse(Reason.CLIENT_NOT_ADMITTED, f"an administrator has refused {client_id}")
        if session.tenant not in self._tenants(client):
            await self._ask(client, session)
            raise refuse(Reason.CLIENT_NOT_ADMITTED, f"{client_id} waits for an administrator of {session.tenant}")

    async def _ask(self, client: KeptClient, session: BrowserSession) -> None:
        """Once per tenant: the administrator sees who was sent here by it first."""
        if session.tenant in client.asked:
            return
        self._record(client, "asked", {"tenant": session.tenant, "account": session.account})
        await self._change(client.url, lambda now: replace(now, asked={session.tenant: session.account, **now.asked}))

    # for an administrator ---------------------------------------------------------------------------------------
    async def read(self, client_id: str, tenants: frozenset[str], *, by: str) -> KeptClient:
        """The document as it is now, for whoever has to decide. Raises what `require_admitted` does."""
        if not self.concerns(client_id):
            raise refuse(
                Reason.INVALID_PARAMS, "expected a client id that is an https URL and not in the configuration"
            )
        return await self._current(client_id, self._rule(client_id, tenants), by, anew=True)

    async def admit(self, client_id: str, digest: str, tenants: frozenset[str], *, by: str) -> KeptClient:
        """Let it in as it was when the document had this digest. Raises `Invalid`, `Denied`, `Outage`."""
        self.require_known(client_id)
        client = self._kept[client_id]
        if client.digest != digest:
            found = f"the document's digest is {client.digest}, and not the one you gave; look at it again"
            raise refuse(Reason.INVALID_PARAMS, found)
        self._rule(client_id, tenants)
        given = dict.fromkeys(tenants, Admission(digest, by, self.clock.now_s()))
        await self._durably(client, "admitted", tenants, by)
        return await self._change(
            client_id,
            lambda now: replace(
                now, admitted={**now.admitted, **given}, refused=tuple(t for t in now.refused if t not in tenants)
            ),
        )

    async def shut_out(self, client_id: str, tenants: frozenset[str], *, by: str) -> KeptClient:
        """No new login, no new token, from now on, whatever its domain is worth. What it may do already is ended by
        the caller. Raises `Invalid`, `Outage`.
        """
        client = self._kept.get(client_id)
        if client is None:
            raise refuse(Reason.INVALID_PARAMS, f"no client {client_id[:80]!r} has described itself here")

        def out(now: KeptClient) -> KeptClient:
            left = {tenant: each for tenant, each in now.admitted.items() if tenant not in tenants}
            return replace(now, admitted=left, refused=tuple(sorted({*now.refused, *tenants})))

        self._take(out(client))  # before the first await: an outage does not let it back in here, nor a restart later
        self._unstored.add(client_id)
        await self._durably(client, "shut_out", tenants, by)
        return await self._change(client_id, out)

    def require_known(self, client_id: str) -> None:
        """Raises `Invalid` for a client that has not described itself here: of the configuration, or nobody's."""
        if client_id not in self._kept:
            found = f"no client {client_id[:80]!r} has described itself here"
            raise refuse(Reason.INVALID_PARAMS, f"{found}; for another see `remit consent forbid`")

    def listed(self, tenants: frozenset[str]) -> list[tuple[KeptClient, dict[str, str]]]:
        """Every client that these tenants have to do with, and how it stands with each of them."""
        found = [(client, self.standing(client, tenants)) for client in self._kept.values()]
        return sorted([each for each in found if each[1]], key=lambda each: each[0].url)

    def standing(self, client: KeptClient, tenants: frozenset[str]) -> dict[str, str]:
        """`admitted`, `refused`, `changed` (admitted as it was before) or `waiting`, by tenant."""
        welcome = self._tenants(client)
        found: dict[str, str] = {}
        for tenant in sorted(tenants & {*client.asked, *client.admitted, *client.refused, *welcome}):
            waiting = "changed" if tenant in client.admitted else "waiting"
            found[tenant] = "admitted" if tenant in welcome else "refused" if tenant in client.refused else waiting
        return found

    async def sweep(self) -> None:
        """Forget those whom nobody let in or refused, the oldest first. Raises `Outage`."""
        for url in list(self._unstored & self._kept.keys()):
            await self._change(url, lambda now: now)
        waiting = [each for each in self._kept.values() if not each.admitted and not each.refused]
        old = [each for each in waiting if self.clock.now_s() - each.read_at_s >= WAITING_S]
        for client in {each.url: each for each in [*old, *self._crowding(waiting)]}.values():
            self._kept.pop(client.url)
            self.book.shut_out(client.url)
            await self.store.remove(CLIENT, client.url)

    # inside -----------------------------------------------------------------------------------------------------
    def _crowding(self, waiting: list[KeptClient]) -> list[KeptClient]:
        """Those for which there is no room. Each tenant that is asked has its own, and so have those that come in
        unasked: nobody's people push out what another tenant is asked or uses.
        """
        if len(waiting) <= WAITING_MAX:
            return []
        rooms: dict[str, list[KeptClient]] = {}
        for client in sorted(waiting, key=lambda each: each.read_at_s, reverse=True):
            for room in ["*"] if self._tenants(client) else list(client.asked) or [""]:
                rooms.setdefault(room, []).append(client)
        kept = {client.url for room in rooms.values() for client in room[:WAITING_MAX]}
        return [client for client in waiting if client.url not in kept]

    def _rule(self, client_id: str, tenants: frozenset[str]) -> DomainRule:
        host = document_host(client_id)
        rule = rule_for(self.rules, host)
        if rule is None or rule.trust is DomainTrust.REFUSED or not tenants <= rule.tenants:
            raise refuse(Reason.CLIENT_NOT_ADMITTED, f"clients that describe themselves at {host} are refused here")
        return rule

    async def _current(self, url: str, rule: DomainRule, reader: str, *, anew: bool = False) -> KeptClient:
        """The client as its document says it is: read again when it may have changed. What cannot be read or is wrong
        is not kept (section 4.4 of the draft).
        """
        now_s, known = self.clock.now_s(), self._kept.get(url)
        if known is not None and not anew and known.read_at_s <= now_s < known.fresh_until_s:
            return known
        wait_s = self.readers.wait_s(reader, self.clock.monotonic_s())
        if wait_s:
            raise refuse(Reason.LIMIT_RATE, f"too many documents were read; wait {wait_s:.0f} s")
        self.readers.take(reader, self.clock.monotonic_s())
        try:
            fetched = await self.fetcher.fetch(url, _trust(rule), bytes_max=DOCUMENT_BYTES_MAX, ca_file=rule.ca_file)
        except Outage as outage:
            raise refuse(Reason.CLIENT_DOCUMENT_UNREADABLE, outage.detail) from outage
        document = parse_document(url, fetched.content)
        fresh_until_s = now_s + min(max(fetched.fresh_s, FRESH_S_MIN), FRESH_S_MAX)
        return await self._renewed(document, now_s, fresh_until_s)

    async def _renewed(self, document: ClientDocument, now_s: float, fresh_until_s: float) -> KeptClient:
        known = self._kept.get(document.url)  # as it is after waiting: an administrator may have decided meanwhile
        found = kept(document, read_at_s=now_s, fresh_until_s=fresh_until_s)
        if known is not None and known.digest == document.digest:
            return self._take(replace(known, read_at_s=now_s, fresh_until_s=fresh_until_s))
        self._record(found, "seen" if known is None else "changed", {"was": known.digest} if known else {})
        # Whoever was sent here by it before is asked about again: the administrator has something new to look at.
        return await self._change(
            document.url, lambda now: replace(found, admitted=now.admitted, refused=now.refused), first=found
        )

    def _tenants(self, client: KeptClient) -> frozenset[str]:
        """Those that let it in as it is."""
        admitted = {tenant for tenant, each in client.admitted.items() if each.digest == client.digest}
        rule = rule_for(self.rules, client.host)
        if rule is None or rule.trust is DomainTrust.REFUSED:  # refused by the operator since
            return frozenset()
        trusted = rule.tenants if rule.trust is DomainTrust.TRUSTED else frozenset()
        return frozenset(((admitted & rule.tenants) | trusted) - set(client.refused))

    def _take(self, client: KeptClient) -> KeptClient:
        self._kept[client.url] = client
        tenants = self._tenants(client)
        if tenants:
            self.book.let_in(described(client.document, tenants))
        else:
            self.book.shut_out(client.url)
        return client

    async def _change(
        self, url: str, change: Callable[[KeptClient], KeptClient], *, first: KeptClient | None = None
    ) -> KeptClient:
        """In the store and then here; made anew when another change came in between, so that none undoes another."""
        while True:
            known = self._kept.get(url, first)
            if known is None:  # forgotten by the sweep meanwhile
                raise refuse(Reason.INVALID_PARAMS, f"no client {url[:80]!r} has described itself here")
            client = change(known)
            self._unstored.add(url)
            await self.store.put(CLIENT, url, to_row(client))
            if self._kept.get(url, first) is known:
                self._unstored.discard(url)
                return self._take(client)

    async def _durably(self, client: KeptClient, event: str, tenants: Iterable[str], by: str) -> None:
        for tenant in sorted(tenants):
            await self.ledger.durable(self._record(client, event, {"tenant": tenant, "by": by}))

    def _record(self, client: KeptClient, event: str, more: Mapping[str, object]) -> Position:
        fields = {"event": event, "client": client.url, "digest": client.digest, **more}
        return self.ledger.write(RecordKind.CLIENT, self.entropy.id("cli"), fields)


def _trust(rule: DomainRule) -> Trust:
    """Public addresses only, unless the operator wrote down where the host is."""
    return Registered(names_address=False, networks=rule.networks) if rule.networks else Learned()
