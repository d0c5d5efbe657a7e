"""Clients that describe themselves: one tenant's people make no other tenant forget a client, and shut out is shut out
whatever broke meanwhile.
"""

from __future__ import annotations

import pytest

from remit.core.client_document import DomainTrust
from remit.core.errors import Outage
from remit.core.sign_in import BrowserSession
from remit.flows import self_described
from remit.flows.self_described import WAITING_S
from tests.unit.flows.test_self_described import ACME, URL, Clients, refused, rule, says, session

STRANGERS = BrowserSession("mallory", "globex", 0.0, float("inf"), ("pwd",))
ROOM = 5


async def flood(clients: Clients, who: BrowserSession, times: int = ROOM + 2) -> None:
    for number in range(times):
        url = f"https://many.example/{who.account}/{number}"
        clients.scene.documents.documents[url] = says(url)
        clients.scene.clock.advance(10)
        await refused(clients.come(url, who))
    await clients.flow.sweep()


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setattr(self_described, "WAITING_MAX", ROOM)
    return Clients(rule(DomainTrust.TRUSTED), rule(DomainTrust.ASK, "*"))


async def test_clients_that_wait_push_out_none_of_a_trusted_domain(clients: Clients) -> None:
    await clients.come()
    await flood(clients, STRANGERS)
    assert URL in clients.flow.book
    assert len(clients.flow.listed(frozenset({"globex"}))) == ROOM + 1
    clients.scene.clock.advance(WAITING_S)
    await clients.flow.sweep()
    assert clients.flow.listed(frozenset({"globex"})) == []


async def test_what_one_tenant_s_people_ask_for_pushes_out_nothing_another_tenant_is_asked(clients: Clients) -> None:
    del clients.flow.rules["app.example"]
    await refused(clients.come())
    await flood(clients, STRANGERS)
    ((client, standing),) = clients.flow.listed(ACME)
    assert (client.url, standing) == (URL, {"acme": "waiting"})
    await flood(clients, session())
    assert URL not in [client.url for client, _ in clients.flow.listed(ACME)]  # its own people's are bounded


@pytest.mark.parametrize("broken", ["ledger", "store"])
async def test_shut_out_in_an_outage_is_shut_out_after_a_restart_too(broken: str) -> None:
    clients = Clients()
    await clients.let_in()
    await clients.restarted()
    assert URL in clients.flow.book
    if broken == "ledger":
        clients.scene.ledger.fail_sync()
    clients.scene.store.unavailable = broken == "store"
    with pytest.raises(Outage):
        await clients.flow.shut_out(URL, ACME, by="alice")
    assert URL not in clients.flow.book
    clients.scene.store.unavailable = False
    await clients.flow.sweep()
    await clients.restarted()
    assert URL not in clients.flow.book
