"""What whoever answers for a resource hears of a token: what a call with it would, and of any other token nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.attempts import Attempts
from remit.core.clients import Client, ClientAuthentication
from remit.core.errors import Outage
from remit.core.grant import Calls, GrantEvent
from remit.core.grantbook import Selector
from remit.core.ledger import RecordKind
from remit.core.secret import Secret
from remit.flows.introspect import REPORTED_EVERY_S, Introspected
from remit.flows.oauth_error import OAuthError
from tests.scenes.authority import ISSUER, RESOURCE, SECRET, scopes
from tests.scenes.endpoints import ELSEWHERE, Endpoints, form

GIT = f"{RESOURCE}/git"
SERVER = Client(
    "git-server",
    frozenset({"acme"}),
    ClientAuthentication.CLIENT_SECRET_BASIC,
    secret=Secret(SECRET),
    introspects=frozenset({GIT}),
)
ASKER = replace(SERVER, id="asker", introspects=frozenset({GIT, RESOURCE}))
FOREIGN = replace(SERVER, id="foreign", tenants=frozenset({"globex"}), introspects=frozenset({GIT, RESOURCE}))
NOBODY = replace(SERVER, id="nobody", introspects=frozenset())
INACTIVE = {"active": False}


@pytest.fixture
def scene() -> Endpoints:
    scene = Endpoints()
    scene.register(SERVER, ASKER, FOREIGN, NOBODY)
    return scene


async def asked(
    scene: Endpoints, token: Secret | str, *, by: str = "git-server", signed: bool = False, **more: str
) -> Introspected:
    text = token if isinstance(token, str) else token.expose().decode()
    return await scene.introspect.introspect(form(basic=by, token=text, **more), signed=signed)


async def test_an_active_answer_says_what_the_token_says_and_what_its_grant_gives(scene: Endpoints) -> None:
    granted = await scene.granted(resource=GIT, budget=Calls(7), purpose_class="triage")
    now_s = int(scene.clock.now_s())
    assert (await asked(scene, granted.token)).answer == {
        "active": True,
        "token_type": "Bearer",
        "username": "engineer",
        "iss": ISSUER,
        "sub": "engineer",
        "aud": GIT,
        "exp": granted.token_expires_at_s,
        "nbf": now_s,
        "iat": now_s,
        "jti": scene.tokens.issued[granted.token.expose()].token_id,
        "client_id": "demo",
        "grant_id": granted.grant.id,
        "tenant": "acme",
        "scope": "git:git_log",
        "act": {"sub": "alice"},
        "authorization_details": [
            {
                "type": "mcp_tool", "locations": [GIT], "tool": "git_log", "actions": ["tools/call"],
                "constraints": {"repo_path": {"prefix": "/srv/"}}, "max_calls": 5, "ttl_s": 600,
                "purpose": "look around",
            }
        ],
    }  # fmt: skip


async def test_a_client_s_own_grant_has_no_person_s_name(scene: Endpoints) -> None:
    answer = await scene.ask(basic="cron", grant_type="client_credentials", resource=GIT)
    found = (await asked(scene, answer.token)).answer
    assert (found["active"], found["sub"], "username" in found, "act" in found) == (True, "cron", False, False)


@pytest.mark.parametrize(
    ("by", "resource", "active"),
    [
        ("git-server", GIT, True),
        ("git-server", RESOURCE, False),
        ("git-server", f"{RESOURCE}/files", False),
        ("asker", RESOURCE, True),
        ("foreign", GIT, False),
        ("foreign", RESOURCE, False),
    ],
)
async def test_a_client_hears_only_of_tokens_for_what_it_answers_for(
    scene: Endpoints, by: str, resource: str, active: bool
) -> None:
    granted = await scene.granted(resource=resource)
    found = (await asked(scene, granted.token, by=by)).answer
    assert found["active"] is active
    assert active or found == INACTIVE


@pytest.mark.parametrize(
    "token", ["made up", "fake-token-1 ", "fake-token-1,x", "é", "Bearer fake-token-1", "x" * 5000]
)
async def test_what_is_no_token_of_ours_is_inactive(scene: Endpoints, token: str) -> None:
    granted = await scene.granted(resource=GIT)
    assert granted.token.expose() == b"fake-token-1"
    assert (await asked(scene, token)).answer == INACTIVE
    assert (await asked(scene, "fake-token-1")).answer["active"]


async def test_what_is_over_is_inactive_at_once(scene: Endpoints) -> None:
    expired = await scene.granted(resource=GIT, ttl_s=60.0)
    lasting = await scene.granted(resource=GIT)
    revoked = await scene.granted(resource=GIT)
    spent = await scene.granted(resource=GIT, budget=Calls(1))
    for granted in (expired, lasting, revoked, spent):
        assert (await asked(scene, granted.token)).answer["active"]
    scene.clock.advance(60)
    await scene.ending.end(Selector(grant=revoked.grant.id), GrantEvent.REVOKE, tenants=frozenset({"acme"}), by="alice")
    live = scene.grants.find(spent.grant.id)
    assert live is not None
    live.charge()
    for granted in (expired, revoked, spent):
        assert (await asked(scene, granted.token)).answer == INACTIVE
    assert (await asked(scene, lasting.token)).answer["active"]


async def test_a_refresh_token_is_never_active_whoever_asks(scene: Endpoints) -> None:
    web = replace(ASKER, id="web-asker")
    scene.register(web)
    made = await scene.granted_to_person()
    for by in ("asker", "web-asker"):
        assert (await asked(scene, made.refresh, by=by, token_type_hint="refresh_token")).answer == INACTIVE
    assert (await asked(scene, made.granted.token, by="asker", token_type_hint="refresh_token")).answer["active"]


async def test_asking_is_no_use_of_the_grant(scene: Endpoints) -> None:
    granted = await scene.granted(resource=GIT)
    live = scene.grants.find(granted.grant.id)
    assert live is not None
    used_at_s = live.used_at_s
    scene.clock.advance(10)
    assert (await asked(scene, granted.token)).answer["active"]
    assert (live.used_at_s, live.calls_used) == (used_at_s, 0)


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        ({"basic": "nobody"}, 403, "unauthorized_client"),
        ({"basic": "git-server", "token": ""}, 400, "invalid_request"),
        ({"basic": "made-up"}, 401, "invalid_client"),
        ({"client_id": "desktop"}, 401, "invalid_client"),
        ({}, 401, "invalid_client"),
    ],
)
async def test_who_may_not_ask_is_told_so_and_hears_of_no_token(
    scene: Endpoints, request_: dict[str, Any], status: int, error: str
) -> None:
    granted = await scene.granted(resource=GIT)
    with pytest.raises(OAuthError) as caught:
        await scene.introspect.introspect(form(**({"token": granted.token.expose().decode()} | request_)), signed=False)
    assert (caught.value.status, caught.value.error) == (status, error)
    assert scene.ledger.of_kind(RecordKind.DENIAL) == []
    assert (await asked(scene, granted.token)).answer["active"]


async def test_a_signed_answer_is_for_who_asked(scene: Endpoints) -> None:
    granted = await scene.granted(resource=GIT)
    plain = await asked(scene, granted.token)
    assert (plain.signed, scene.tokens.attested) == (None, [])
    assert (await asked(scene, granted.token, signed=True)).signed
    assert (await asked(scene, "made up", by="asker", signed=True)).signed
    assert scene.tokens.attested == [("git-server", plain.answer), ("asker", INACTIVE)]


async def test_questions_are_counted_and_not_written_one_by_one(scene: Endpoints) -> None:
    granted = await scene.granted(resource=GIT)
    scene.introspect.report()
    for _ in range(70):  # more than any other endpoint would take in a moment
        await asked(scene, granted.token)
    await asked(scene, "made up")
    await asked(scene, granted.token, by="foreign")
    scene.introspect.sweep()
    assert scene.ledger.of_kind(RecordKind.INTROSPECTIONS) == []
    scene.clock.advance(REPORTED_EVERY_S)
    scene.introspect.sweep()
    scene.introspect.sweep()
    records = scene.ledger.of_kind(RecordKind.INTROSPECTIONS)
    found = [(each["client"], each["tenant"], each["active"], each["inactive"]) for each in records]
    assert found == [("foreign", "globex", 0, 1), ("git-server", "acme", 70, 1)]


async def test_counts_outlive_a_ledger_that_fails(scene: Endpoints) -> None:
    await asked(scene, "made up")
    scene.ledger.fail_writes()
    with pytest.raises(Outage):
        scene.introspect.report()
    assert scene.introspect._counted.total() == 1


async def test_a_flood_of_questions_is_bounded_and_slows_nobody_else_down(scene: Endpoints) -> None:
    granted = await scene.granted(resource=GIT)
    scene.introspect.questions = Attempts(burst=2, per_minute=60)
    assert await asked(scene, granted.token)
    assert await asked(scene, granted.token)
    with pytest.raises(OAuthError) as caught:
        await asked(scene, granted.token, peer=ELSEWHERE)
    assert (caught.value.status, caught.value.wait_s) == (429, 1.0)
    assert await asked(scene, granted.token, by="asker")


async def test_scopes_of_the_answer_are_the_token_s(scene: Endpoints) -> None:
    granted = await scene.granted(resource=RESOURCE, scopes=scopes("git", "files:read_file"))
    assert (await asked(scene, granted.token, by="asker")).answer["scope"] == "files:read_file git"
