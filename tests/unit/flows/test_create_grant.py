"""A grant is the intersection of everything that was asked and allowed, and is recorded before its token exists."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from remit.core.errors import Denied, Invalid, Outage, Refusal
from remit.core.grant import Calls, GrantEvent, Unmetered
from remit.core.grantbook import Selector
from remit.core.ledger import RecordKind
from remit.core.principals import Presence, PrincipalKind
from remit.core.reasons import Reason
from remit.flows.grant_requests import GrantLimits
from tests.scenes.authority import CLIENTS, ISSUER, RESOURCE, Scene, scopes

NOBODY: frozenset[Any] = frozenset()
CRON = CLIENTS["cron"]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def refused(scene: Scene, kind: type[Refusal], **changes: object) -> Reason:
    with pytest.raises(kind) as caught:
        await scene.granted(**changes)
    assert scene.tokens.issued == {}
    assert len(scene.grants) == 0
    return caught.value.reason


async def test_without_a_choice_an_account_reaches_its_tenants_servers_in_the_environment(scene: Scene) -> None:
    grant = (await scene.granted()).grant
    assert grant.scopes == scopes("git", "files")
    assert (grant.subject.kind, grant.subject.id) == (PrincipalKind.HUMAN, "engineer")
    assert (grant.client_id, grant.tenant, grant.resource) == ("demo", "acme", RESOURCE)


async def test_an_administrators_grant_names_them_and_may_not_use_high_risk_tools(scene: Scene) -> None:
    grant = (await scene.granted(assurance="same-user", presence=Presence.INTERACTIVE)).grant
    assert grant.actors == ("alice",)
    assert (grant.origin.how, grant.origin.by, grant.origin.assurance) == ("administration", "alice", "same-user")
    assert not grant.high_risk
    assert grant.presence is Presence.INTERACTIVE


async def test_the_token_says_what_the_grant_says_and_expires_with_it(scene: Scene) -> None:
    granted = await scene.granted(ttl_s=120.0)
    claims = scene.tokens.issued[granted.token.expose()]
    assert (claims.issuer, claims.audience, claims.grant_id) == (ISSUER, RESOURCE, granted.grant.id)
    assert (claims.actors, claims.tenant, claims.scope) == (("alice",), "acme", "files git")
    assert claims.expires_at_s == granted.token_expires_at_s == int(scene.clock.now_s()) + 120


async def test_no_administrators_grant_lives_longer_than_an_hour(scene: Scene) -> None:
    granted = await scene.granted(ttl_s=86_400.0)
    assert granted.grant.expires_at_s - scene.clock.now_s() == 3600


async def test_a_ceiling_narrows(scene: Scene) -> None:
    assert (await scene.granted(account="reader")).grant.scopes == scopes("files:read_file")


async def test_chosen_tools_narrow(scene: Scene) -> None:
    assert (await scene.granted(scopes=scopes("git:git_log"))).grant.scopes == scopes("git:git_log")


@pytest.mark.parametrize("beyond", ["files", "files:write_file", "git", "unknown", "prod-db"])
async def test_what_is_beyond_the_ceiling_is_refused_not_dropped(scene: Scene, beyond: str) -> None:
    asked = scopes("files:read_file", beyond)
    assert await refused(scene, Denied, account="reader", scopes=asked) is Reason.OUTSIDE_GRANT
    assert await scene.granted(account="reader", scopes=scopes("files:read_file"))


async def test_another_tenants_server_cannot_be_granted(scene: Scene) -> None:
    assert await refused(scene, Denied, account="analyst", client="globex-cron", scopes=scopes("git"))
    assert await scene.granted(account="analyst", client="globex-cron", scopes=scopes("files"))


async def test_a_purpose_of_the_catalogue_narrows_tools_arguments_time_and_budget(scene: Scene) -> None:
    grant = (await scene.granted(purpose="triage", budget=Calls(50))).grant
    assert grant.scopes == scopes("git:git_log")
    assert {(limit.argument, limit.check, limit.values) for limit in grant.constraints} == {
        ("repo_path", "prefix", ("/srv/",))
    }
    assert grant.budget == Calls(5)
    assert grant.expires_at_s - grant.created_at_s == 600
    assert (grant.purpose.text, grant.purpose.klass) == ("triage", "triage")


async def test_a_purpose_widens_nothing(scene: Scene) -> None:
    grant = (await scene.granted(purpose="triage", budget=Calls(2), ttl_s=60.0)).grant
    assert (grant.budget, grant.expires_at_s - grant.created_at_s) == (Calls(2), 60)
    assert await scene.granted(account="engineer", purpose="triage")
    with pytest.raises(Denied):
        await scene.granted(account="reader", purpose="triage")  # reader's ceiling and triage share nothing


async def test_a_purpose_of_ones_own_words_narrows_nothing_and_is_kept(scene: Scene) -> None:
    grant = (await scene.granted(purpose="  find the leak ")).grant
    assert (grant.purpose.text, grant.purpose.klass, grant.budget) == ("find the leak", "", Unmetered())


@pytest.mark.parametrize("purpose", ["", "   ", "x" * 513, "two\nlines", "a\x1b[2J"])
async def test_no_purpose_no_grant(scene: Scene, purpose: str) -> None:
    assert await refused(scene, Invalid, purpose=purpose) is Reason.INVALID_PARAMS


async def test_a_grant_for_one_server_covers_that_server_alone(scene: Scene) -> None:
    granted = await scene.granted(resource="/mcp/git")
    assert granted.grant.scopes == scopes("git")
    assert granted.grant.resource == f"{ISSUER}/mcp/git"


NOT_THEIRS = [
    "/mcp/unknown", "/mcp/prod-db", "/", "/mcp/", "/mcp/git/", "/other", "http://evil.test/mcp", "", "/mcp/../mcp",
    "/MCP", "/mcp#x", "/mcp?x=y",
]  # fmt: skip


@pytest.mark.parametrize("resource", NOT_THEIRS)
async def test_a_resource_that_is_not_ours_or_not_theirs_is_refused_alike(scene: Scene, resource: str) -> None:
    assert await refused(scene, Denied, resource=resource) is Reason.SERVER_UNKNOWN


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "nobody"},
        {"client": "nobody"},
        {"client": "globex-cron"},
        {"environment": "staging"},
        {"environment": ""},
        {"ttl_s": 0.0},
        {"ttl_s": -5.0},
        {"ttl_s": float("nan")},
        {"budget": Calls(0)},
    ],
)
async def test_what_is_not_registered_or_makes_no_sense_is_refused(scene: Scene, changes: dict[str, object]) -> None:
    assert await refused(scene, Invalid, **changes) is Reason.INVALID_PARAMS


async def test_an_unnamed_administrator_is_refused(scene: Scene) -> None:
    assert await refused(scene, Denied, administrator="") is Reason.CONTEXT_MISSING


async def test_the_record_is_durable_before_the_token_exists(scene: Scene) -> None:
    scene.ledger.hold_sync()
    task = asyncio.ensure_future(scene.granted())
    for _ in range(10):
        await asyncio.sleep(0)
    assert scene.tokens.issued == {}
    (record,) = scene.ledger.of_kind(RecordKind.GRANT)
    assert (record["event"], record["store_sequence"], record["actors"]) == ("created", 1, ["alice"])
    scene.ledger.release_sync()
    assert (await task).token.expose() in scene.tokens.issued


async def test_without_a_ledger_there_is_no_grant(scene: Scene) -> None:
    scene.ledger.fail_writes()
    assert await refused(scene, Outage) is Reason.LEDGER_UNAVAILABLE
    assert scene.store.kept == {}


async def test_without_a_store_there_is_no_grant(scene: Scene) -> None:
    scene.store.unavailable = True
    assert await refused(scene, Outage) is Reason.STORE_UNAVAILABLE
    assert scene.ledger.records == []


async def test_a_clock_set_back_makes_no_grants_until_it_is_right_again(scene: Scene) -> None:
    scene.clock.advance(100)
    scene.clock.step_wall(-30)
    assert await refused(scene, Outage) is Reason.CLOCK_STEPPED
    scene.clock.step_wall(30)
    assert await scene.granted()


async def test_a_client_gets_its_terms_and_a_token_of_minutes(scene: Scene) -> None:
    granted = await scene.create.for_client(CRON, RESOURCE, NOBODY)
    assert granted.grant.scopes == scopes("git", "files:read_file")
    assert (granted.grant.subject.kind, granted.grant.subject.id) == (PrincipalKind.CLIENT, "cron")
    assert (granted.grant.budget, granted.grant.actors) == (Calls(100), ())
    assert granted.token_expires_at_s - int(scene.clock.now_s()) == 300
    assert granted.grant.expires_at_s - scene.clock.now_s() == 3600


async def test_a_client_that_asks_again_gets_another_token_for_the_same_grant(scene: Scene) -> None:
    first = await scene.create.for_client(CRON, RESOURCE, NOBODY)
    scene.clock.advance(200)
    second = await scene.create.for_client(CRON, RESOURCE, NOBODY)
    assert second.grant.id == first.grant.id
    assert len(scene.tokens.issued) == 2
    assert len(scene.ledger.of_kind(RecordKind.GRANT)) == 1


async def test_another_resource_or_scope_is_another_grant(scene: Scene) -> None:
    ids = {
        (await scene.create.for_client(CRON, RESOURCE, NOBODY)).grant.id,
        (await scene.create.for_client(CRON, RESOURCE, scopes("git"))).grant.id,
        (await scene.create.for_client(CRON, f"{RESOURCE}/git", NOBODY)).grant.id,
    }
    assert len(ids) == 3


async def test_requests_at_the_same_moment_share_one_grant(scene: Scene) -> None:
    """Else a client multiplies its budget by asking in parallel."""
    scene.ledger.hold_sync()
    tasks = [asyncio.ensure_future(scene.create.for_client(CRON, RESOURCE, NOBODY)) for _ in range(5)]
    for _ in range(10):
        await asyncio.sleep(0)
    scene.ledger.release_sync()
    granted = await asyncio.gather(*tasks)
    assert len({one.grant.id for one in granted}) == 1
    assert len(scene.grants) == len(scene.store.kept) == 1


async def test_the_last_token_of_a_grant_does_not_outlive_it(scene: Scene) -> None:
    scene.create.limits = GrantLimits(idle_s_max=86_400.0)
    await scene.create.for_client(CRON, RESOURCE, NOBODY)
    scene.clock.advance(3500)
    granted = await scene.create.for_client(CRON, RESOURCE, NOBODY)
    assert granted.token_expires_at_s - int(scene.clock.now_s()) == 100


async def test_after_its_time_a_client_gets_a_new_grant(scene: Scene) -> None:
    first = await scene.create.for_client(CRON, RESOURCE, NOBODY)
    scene.clock.advance(3600)
    assert (await scene.create.for_client(CRON, RESOURCE, NOBODY)).grant.id != first.grant.id


async def test_a_client_whose_grant_was_revoked_gets_no_other_before_its_time(scene: Scene) -> None:
    first = await scene.create.for_client(CRON, RESOURCE, NOBODY)
    revoked = Selector(grant=first.grant.id)
    await scene.ending.end(revoked, GrantEvent.REVOKE, tenants=frozenset({"acme"}), by="alice")
    for resource in (RESOURCE, f"{RESOURCE}/git"):
        with pytest.raises(Refusal) as caught:
            await scene.create.for_client(CRON, resource, NOBODY)
        assert caught.value.reason is Reason.GRANT_ENDED
    scene.clock.advance(3600)
    assert await scene.create.for_client(CRON, RESOURCE, NOBODY)


async def test_a_client_that_finished_by_itself_may_begin_again(scene: Scene) -> None:
    first = await scene.create.for_client(CRON, RESOURCE, NOBODY)
    await scene.ending.end(Selector(client="cron"), GrantEvent.FINISH, tenants=frozenset({"acme"}), by="cron")
    assert (await scene.create.for_client(CRON, RESOURCE, NOBODY)).grant.id != first.grant.id


async def test_a_used_up_budget_is_not_renewed_by_asking_again(scene: Scene) -> None:
    granted = await scene.create.for_client(CRON, RESOURCE, NOBODY)
    live = scene.grants.find(granted.grant.id)
    assert live is not None
    live.calls_used = 100
    with pytest.raises(Denied) as caught:
        await scene.create.for_client(CRON, RESOURCE, scopes("git"))
    assert caught.value.reason is Reason.BUDGET_EXHAUSTED
    live.calls_used = 99
    assert await scene.create.for_client(CRON, RESOURCE, scopes("git"))


async def test_a_client_without_terms_gets_nothing_for_itself(scene: Scene) -> None:
    with pytest.raises(Denied):
        await scene.create.for_client(CLIENTS["demo"], RESOURCE, NOBODY)
