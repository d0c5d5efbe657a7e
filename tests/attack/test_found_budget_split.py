"""A client with a call budget asks for many small grants instead of one (OWASP MCP02, LLM06): every scope, resource and
fresh start would have a budget of its own. All of them spend from one.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from remit.core.clients import Client
from remit.core.errors import Refusal
from remit.core.grant import Calls, GrantEvent, LiveGrant, Unmetered, require_alive
from remit.core.grantbook import Selector
from remit.core.reasons import Reason
from remit.core.scope import Scope
from tests.scenes.authority import CLIENTS, RESOURCE, TERMS, Scene, scopes
from tests.unit.flows.test_token import Endpoint

ACME = frozenset({"acme"})
EVERYTHING: frozenset[Scope] = frozenset()
METERED = replace(CLIENTS["cron"], terms=replace(TERMS, budget=Calls(3)))


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def granted(
    scene: Scene, resource: str = RESOURCE, asked: frozenset[Scope] = EVERYTHING, client: Client = METERED
) -> LiveGrant:
    live = scene.create.grants.find((await scene.create.for_client(client, resource, asked)).grant.id)
    assert live is not None
    return live


def spend(scene: Scene, live: LiveGrant, tries: int) -> int:
    """How many calls the grant lets through, decided and charged as a call is."""
    for made in range(tries):
        try:
            require_alive(live, monotonic_s=scene.clock.monotonic_s(), spends=True)
        except Refusal as refusal:
            if refusal.reason is not Reason.BUDGET_EXHAUSTED:
                raise
            return made
        live.charge()
        live.touch(scene.clock.monotonic_s())
    return tries


async def test_grants_for_other_scopes_and_resources_spend_from_one_budget(scene: Scene) -> None:
    lives = [
        await granted(scene, resource, asked)
        for resource in (RESOURCE, f"{RESOURCE}/git")
        for asked in (EVERYTHING, scopes("git"), scopes("git:git_log"))
    ]
    assert len({live.grant.id for live in lives}) > 2
    assert sum(spend(scene, live, 10) for live in lives) == 3
    with pytest.raises(Refusal) as refused:
        await granted(scene, RESOURCE, scopes("git:git_status"))
    assert refused.value.reason is Reason.BUDGET_EXHAUSTED


async def test_a_budget_that_several_grants_used_up_together_gives_no_further_grant(scene: Scene) -> None:
    first, second = await granted(scene), await granted(scene, f"{RESOURCE}/git")
    assert (spend(scene, first, 2), spend(scene, second, 0)) == (2, 0)
    assert await granted(scene, RESOURCE, scopes("git"))
    assert spend(scene, second, 1) == 1
    with pytest.raises(Refusal) as refused:
        await granted(scene, RESOURCE, scopes("git:git_log"))
    assert refused.value.reason is Reason.BUDGET_EXHAUSTED


@pytest.mark.parametrize("end", [GrantEvent.FINISH, GrantEvent.IDLE_OUT])
async def test_a_grant_that_ended_early_leaves_no_fresh_budget(scene: Scene, end: GrantEvent) -> None:
    live = await granted(scene)
    assert spend(scene, live, 2) == 2
    await scene.ending.end(Selector(grant=live.grant.id), end, tenants=ACME, by="cron")
    assert spend(scene, await granted(scene), 10) == 1


async def test_the_grants_of_one_budget_end_together_and_then_it_is_full_again(scene: Scene) -> None:
    first = await granted(scene)
    scene.clock.advance(3000)
    second = await granted(scene, f"{RESOURCE}/git")
    assert second.deadline_s == pytest.approx(first.deadline_s)
    assert spend(scene, second, 10) == 3
    scene.clock.advance(600)
    assert spend(scene, await granted(scene), 10) == 3


async def test_a_restart_does_not_fill_it(scene: Scene) -> None:
    await granted(scene)
    await granted(scene, f"{RESOURCE}/git")
    load, book = scene.loading(ledger_sequence=2, calls_used=1)  # each has one call on record
    await load.load()
    assert sum(spend(scene, live, 10) for live in book) == 1


@pytest.mark.parametrize("end", [GrantEvent.FINISH, GrantEvent.IDLE_OUT])
async def test_a_restart_does_not_fill_it_after_a_grant_that_ended_early(scene: Scene, end: GrantEvent) -> None:
    live = await granted(scene)
    assert spend(scene, live, 2) == 2
    await scene.ending.end(Selector(grant=live.grant.id), end, tenants=ACME, by="cron")
    load, book = scene.loading(calls_used=2)
    await load.load()
    scene.create.grants = book
    assert spend(scene, await granted(scene), 10) == 1


async def test_another_client_and_a_client_without_a_budget_are_not_held_to_it(scene: Scene) -> None:
    assert spend(scene, await granted(scene), 10) == 3
    free = replace(METERED, id="free", terms=replace(TERMS, budget=Unmetered()))
    other = replace(METERED, id="other")
    assert spend(scene, await granted(scene, client=other), 10) == 3
    assert spend(scene, await granted(scene, client=free), 10) == 10


async def test_what_an_administrator_grants_has_the_budget_it_was_given(scene: Scene) -> None:
    lives = [await scene.live(budget=Calls(3)) for _ in range(2)]
    assert [spend(scene, live, 10) for live in lives] == [3, 3]


async def test_an_authorization_detail_is_refused_rather_than_left_unread() -> None:
    """RFC 9396 section 5: whoever asks for less with it must not be given all there is."""
    endpoint = Endpoint()
    asked = '[{"type":"mcp_tool","tools":["git/git_log"]}]'
    assert (await endpoint.refused(authorization_details=asked)).error == "invalid_authorization_details"
    assert (await endpoint.ask(scope="git:git_log")).scope == "git:git_log"
