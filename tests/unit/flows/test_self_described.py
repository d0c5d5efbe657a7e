"""Clients that describe themselves: read for somebody who signed in, let in by a rule or by an administrator who has
seen what the document says, and shut out at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest

from remit.core.client_document import DomainRule, DomainTrust
from remit.core.errors import Denied, Invalid, Outage, Refusal
from remit.core.kept_client import KeptClient
from remit.core.reasons import Reason
from remit.core.sign_in import BrowserSession
from remit.flows.self_described import FRESH_S_MAX, FRESH_S_MIN, WAITING_MAX, WAITING_S, SelfDescribed
from tests.scenes.authority import Scene

URL = "https://app.example/client.json"
ACME = frozenset({"acme"})
BOTH = frozenset({"acme", "globex"})


def session(account: str = "engineer", tenant: str = "acme") -> BrowserSession:
    return BrowserSession(account, tenant, 0.0, float("inf"), ("pwd",))


def says(url: str = URL, **changes: Any) -> bytes:
    usual = {"client_id": url, "client_name": "App", "redirect_uris": ["http://127.0.0.1/cb"]}
    return json.dumps(usual | changes).encode()


class Clients:
    def __init__(self, *rules: DomainRule) -> None:
        self.scene = Scene()
        self.scene.documents.documents[URL] = says()
        if rules:
            self.flow.rules = {rule.pattern: rule for rule in rules}

    @property
    def flow(self) -> SelfDescribed:
        return self.scene.described

    @property
    def fetched(self) -> int:
        return len(self.scene.documents.fetched)

    async def come(self, url: str = URL, who: BrowserSession | None = None) -> None:
        await self.flow.require_admitted(url, who or session())

    async def let_in(self, *, tenants: frozenset[str] = ACME) -> KeptClient:
        seen = await self.flow.read(URL, tenants, by="alice")
        return await self.flow.admit(URL, seen.digest, tenants, by="alice")

    async def restarted(self) -> None:
        scene = self.scene
        for url in [url for url in self.flow.book if not self.flow.book.is_registered(url)]:
            self.flow.book.shut_out(url)
        rules, scene.described = self.flow.rules, scene.describing(self.flow.book)
        self.flow.rules = rules
        await self.flow.load()

    def events(self) -> list[str]:
        return [str(record["event"]) for record in self.scene.ledger.records if record["kind"] == "client"]


def rule(trust: DomainTrust, pattern: str = "app.example", tenants: frozenset[str] = BOTH) -> DomainRule:
    return DomainRule(pattern, trust, tenants)


async def refused(work: Awaitable[object], kind: type[Refusal] = Denied) -> Refusal:
    with pytest.raises(kind) as caught:
        await work
    return caught.value


async def test_a_client_of_a_trusted_domain_comes_in() -> None:
    clients = Clients(rule(DomainTrust.TRUSTED))
    await clients.come()
    assert clients.flow.book[URL].tenants == BOTH
    assert clients.flow.book[URL].redirects == {"http://127.0.0.1/cb"}


async def test_a_client_first_seen_waits_for_an_administrator_who_is_told_who_asked() -> None:
    clients = Clients()
    refusal = await refused(clients.come())
    assert refusal.reason is Reason.CLIENT_NOT_ADMITTED
    assert URL not in clients.flow.book
    ((client, standing),) = clients.flow.listed(ACME)
    assert (client.asked, standing) == ({"acme": "engineer"}, {"acme": "waiting"})
    await refused(clients.come())
    assert clients.events() == ["seen", "asked"]
    await clients.let_in()
    await clients.come()
    assert clients.events() == ["seen", "asked", "admitted"]
    assert clients.flow.book[URL].tenants == ACME


async def test_one_tenants_yes_is_not_anothers() -> None:
    clients = Clients()
    await clients.let_in()
    await clients.come()
    assert (await refused(clients.come(who=session("analyst", "globex")))).reason is Reason.CLIENT_NOT_ADMITTED
    assert clients.flow.book[URL].tenants == ACME
    assert [standing for _, standing in clients.flow.listed(frozenset({"globex"}))] == [{"globex": "waiting"}]


@pytest.mark.parametrize(
    "rules",
    [
        [rule(DomainTrust.REFUSED)],
        [rule(DomainTrust.TRUSTED, "other.example")],
        [rule(DomainTrust.TRUSTED, tenants=frozenset({"globex"}))],
        [rule(DomainTrust.TRUSTED, "*"), rule(DomainTrust.REFUSED)],
    ],
)
async def test_a_domain_that_is_not_welcome_is_not_even_read(rules: list[DomainRule]) -> None:
    clients = Clients(*rules)
    assert (await refused(clients.come())).reason is Reason.CLIENT_NOT_ADMITTED
    assert (await refused(clients.flow.read(URL, ACME, by="alice"))).reason is Reason.CLIENT_NOT_ADMITTED
    assert clients.fetched == 0
    welcome = Clients(rule(DomainTrust.TRUSTED, tenants=ACME))
    await welcome.come()
    assert welcome.fetched == 1


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"redirect_uris": ["http://127.0.0.1/cb", "https://evil.example/cb"]}, False),
        ({"client_name": "Another"}, False),
        ({"token_endpoint_auth_method": "client_secret_post"}, False),
        ({"logo_uri": "https://app.example/new.png"}, True),
    ],
)
async def test_a_document_that_changes_is_looked_at_again(changes: dict[str, Any], same: bool) -> None:
    clients = Clients()
    await clients.let_in()
    await clients.come()
    clients.scene.documents.documents[URL] = says(**changes)
    clients.scene.clock.advance(FRESH_S_MAX)
    if same:
        await clients.come()
        assert clients.flow.book[URL].tenants == ACME
        return
    with pytest.raises((Denied, Invalid)):
        await clients.come()
    if "token_endpoint_auth_method" in changes:
        return
    assert URL not in clients.flow.book
    assert [standing for _, standing in clients.flow.listed(ACME)] == [{"acme": "changed"}]
    await clients.let_in()
    await clients.come()
    assert clients.flow.book[URL].tenants == ACME


async def test_an_administrator_lets_in_only_what_they_have_seen() -> None:
    clients = Clients()
    seen = await clients.flow.read(URL, ACME, by="alice")
    clients.scene.documents.documents[URL] = says(redirect_uris=["https://evil.example/cb"])
    changed = await clients.flow.read(URL, ACME, by="bob")
    await refused(clients.flow.admit(URL, seen.digest, ACME, by="alice"), Invalid)
    assert URL not in clients.flow.book
    await clients.flow.admit(URL, changed.digest, ACME, by="alice")
    assert clients.flow.book[URL].redirects == {"https://evil.example/cb"}


async def test_a_client_that_is_shut_out_stays_out_whatever_its_domain_is_worth() -> None:
    clients = Clients(rule(DomainTrust.TRUSTED))
    await clients.come()
    await clients.flow.shut_out(URL, ACME, by="alice")
    assert clients.flow.book[URL].tenants == {"globex"}
    assert "refused" in (await refused(clients.come())).detail
    await clients.come(who=session("analyst", "globex"))
    await clients.restarted()
    await refused(clients.come())
    await clients.let_in()
    await clients.come()


async def test_shutting_out_counts_here_even_when_the_store_fails() -> None:
    clients = Clients()
    await clients.let_in()
    clients.scene.store.unavailable = True
    await refused(clients.flow.shut_out(URL, ACME, by="alice"), Outage)
    assert URL not in clients.flow.book
    clients.scene.store.unavailable = False
    await refused(clients.come())
    await clients.flow.sweep()
    await clients.restarted()
    assert URL not in clients.flow.book


async def test_letting_in_is_on_record_before_it_counts() -> None:
    clients = Clients()
    seen = await clients.flow.read(URL, ACME, by="alice")
    clients.scene.ledger.fail_sync()
    await refused(clients.flow.admit(URL, seen.digest, ACME, by="alice"), Outage)
    assert URL not in clients.flow.book
    await clients.restarted()
    assert URL not in clients.flow.book
    sound = Clients()
    await sound.let_in()
    assert URL in sound.flow.book


@pytest.mark.parametrize(
    ("fresh_s", "wait_s", "read"),
    [(0.0, FRESH_S_MIN - 1, 1), (0.0, FRESH_S_MIN, 2), (600.0, 599.0, 1), (600.0, 600.0, 2), (1e9, FRESH_S_MAX, 2)],
)
async def test_a_document_is_read_again_when_it_is_stale(fresh_s: float, wait_s: float, read: int) -> None:
    clients = Clients(rule(DomainTrust.TRUSTED))
    clients.scene.documents.fresh_s = fresh_s
    await clients.come()
    clients.scene.clock.advance(wait_s)
    await clients.come()
    assert clients.fetched == read


async def test_a_clock_set_back_makes_nothing_fresh() -> None:
    clients = Clients(rule(DomainTrust.TRUSTED))
    await clients.come()
    clients.scene.clock.step_wall(-3600)
    await clients.come()
    assert clients.fetched == 2


async def test_what_cannot_be_read_is_an_outage_and_is_not_remembered() -> None:
    clients = Clients(rule(DomainTrust.TRUSTED))
    document = clients.scene.documents.documents.pop(URL)
    assert (await refused(clients.come(), Outage)).reason is Reason.CLIENT_DOCUMENT_UNREADABLE
    clients.scene.documents.documents[URL] = document
    await clients.come()


async def test_documents_are_not_read_without_end_for_one_person() -> None:
    clients = Clients(rule(DomainTrust.TRUSTED, "*"))
    for number in range(10):
        await refused(clients.come(f"https://app.example/{number}"), Outage)
    assert (await refused(clients.come())).reason is Reason.LIMIT_RATE
    await clients.come(who=session("another"))
    clients.scene.clock.advance(60)
    await clients.come()


async def test_who_was_let_in_is_in_after_a_restart_and_who_was_not_is_not() -> None:
    clients = Clients()
    await clients.let_in()
    await clients.restarted()
    assert clients.flow.book[URL].tenants == ACME
    clients.flow.rules = {"*": rule(DomainTrust.REFUSED, "*")}
    await clients.restarted()
    assert URL not in clients.flow.book


async def test_clients_nobody_let_in_are_forgotten_in_time_and_the_oldest_first() -> None:
    clients = Clients()
    await clients.let_in()
    other = "https://app.example/other"
    clients.scene.documents.documents[other] = says(other)
    await refused(clients.come(other))
    await clients.flow.sweep()
    assert len(clients.flow.listed(ACME)) == 2
    clients.scene.clock.advance(WAITING_S)
    await clients.flow.sweep()
    assert [client.url for client, _ in clients.flow.listed(ACME)] == [URL]
    assert [row.id for row in await clients.scene.store.rows("client")] == [URL]


async def test_no_more_clients_wait_than_a_person_could_look_at() -> None:
    clients = Clients()
    for number in range(WAITING_MAX + 2):
        url = f"https://app.example/{number}"
        clients.scene.documents.documents[url] = says(url)
        await refused(clients.come(url, session(f"person-{number}")))
        clients.scene.clock.advance(1)
    await clients.flow.sweep()
    left = {client.url for client, _ in clients.flow.listed(ACME)}
    assert len(left) == WAITING_MAX
    assert "https://app.example/1" not in left
    assert f"https://app.example/{WAITING_MAX + 1}" in left


async def test_a_registered_client_is_not_read_even_if_its_name_is_a_url() -> None:
    clients = Clients()
    await clients.flow.require_admitted("demo", session())
    assert clients.fetched == 0


async def test_two_changes_at_once_do_not_undo_each_other() -> None:
    clients = Clients()
    seen = await clients.flow.read(URL, BOTH, by="alice")
    await asyncio.gather(
        clients.flow.admit(URL, seen.digest, ACME, by="alice"),
        clients.flow.admit(URL, seen.digest, frozenset({"globex"}), by="bob"),
    )
    assert clients.flow.book[URL].tenants == BOTH
