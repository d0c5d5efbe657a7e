"""Denials that a person could cure by signing in better or later, and those that nobody cures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.access import AccessRequest, Effect, Verdict
from remit.core.authentication import NOBODY, PASSKEY, PASSWORD, Acr, Authentication, Demand
from remit.core.catalog import ItemKind, Tool
from remit.core.ledger import RecordKind
from remit.core.reasons import DECISION
from remit.core.scope import OneTool
from remit.testing.policy import FORBIDDING, PERMITTING, FakePolicy
from tests.scenes.mcp import FILES, McpScene, catalog, greet

CALL = {"name": "read_file", "arguments": {}}


class Wanting(FakePolicy):
    """Permits reading files to whoever signed in at `level` or above, not more than `max_age_s` ago."""

    def __init__(self, level: int, max_age_s: float) -> None:
        super().__init__()
        self.level, self.max_age_s = level, max_age_s

    async def evaluate(self, request: AccessRequest) -> Verdict:
        self.asked.append(request)
        found = request.resolved.consented.bound.grant.authentication
        if found.acr.level >= self.level and request.now_s - found.at_s <= self.max_age_s:
            return Verdict(Effect.PERMIT, (PERMITTING,), "test")
        return Verdict(Effect.FORBID, (FORBIDDING,), "test")


class Scene(McpScene):
    def given(self, found: Authentication, **changes: Any) -> bytes:
        token = self.token("files", **changes)
        object.__setattr__(next(iter(self.grants)).grant, "authentication", found)
        return token

    def under(self, policy: FakePolicy) -> Scene:
        object.__setattr__(self.walk, "policy", policy)
        return self


def ago(age_s: float, methods: tuple[str, ...] = PASSWORD) -> Authentication:
    return Authentication(methods, 1_800_000_000.0 - age_s)


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.clock.step_wall(1_800_000_000.0 - made.clock.now_s())
    return made


def challenged(answer: Any) -> str:
    said: str = answer.headers[b"www-authenticate"].decode()
    return said


@pytest.mark.parametrize(
    ("level", "max_age_s", "found", "wanted"),
    [
        (2, 1e9, ago(10), 'acr_values="urn:remit:acr:passkey", '),
        (1, 60.0, ago(100), 'max_age="0", '),
        (2, 60.0, ago(100), 'acr_values="urn:remit:acr:passkey", max_age="0", '),
        (2, 60.0, ago(100, PASSKEY), 'max_age="0", '),
    ],
)
async def test_a_denial_that_signing_in_would_cure_asks_for_the_least_that_does(
    scene: Scene, level: int, max_age_s: float, found: Authentication, wanted: str
) -> None:
    scene.under(Wanting(level, max_age_s))
    answer = await scene.modern("/mcp/files", scene.given(found), "tools/call", CALL)
    assert answer.status == 401
    assert 'error="insufficient_user_authentication"' in challenged(answer)
    assert wanted in challenged(answer)
    assert challenged(answer).count("acr_values") == wanted.count("acr_values")
    assert challenged(answer).count("max_age") == wanted.count("max_age")
    assert answer.json["error"]["data"][DECISION]["reason"] == "step_up_required"
    record = scene.ledger.of_kind(RecordKind.DENIAL)[-1]
    assert (record["reason"], record["determining"]) == ("step_up_required", ["test-forbid (test.cedar:2)"])
    assert scene.ledger.of_kind(RecordKind.INTENT) == []


async def test_whoever_signed_in_well_enough_is_served(scene: Scene) -> None:
    scene.under(Wanting(2, 60.0))
    assert (await scene.modern("/mcp/files", scene.given(ago(30, PASSKEY)), "tools/call", CALL)).status == 200


async def test_a_denial_that_no_sign_in_cures_is_one_whoever_asks(scene: Scene) -> None:
    policy = FakePolicy("server/discover")
    scene.under(policy)
    answer = await scene.modern("/mcp/files", scene.given(ago(10)), "tools/call", CALL)
    assert answer.status == 200
    assert answer.json["result"]["structuredContent"][DECISION]["reason"] == "policy_no_permit"
    assert len(policy.asked) == 2  # once more for the best sign-in there could be, and no further


async def test_where_nobody_signed_in_nobody_is_asked_to(scene: Scene) -> None:
    scene.under(Wanting(2, 60.0))
    answer = await scene.modern("/mcp/files", scene.given(NOBODY), "tools/call", CALL)
    assert answer.json["result"]["structuredContent"][DECISION]["reason"] == "policy_forbid"


# what the operator demands of a tool ------------------------------------------------------------------------------
def demanding(scene: Scene) -> Scene:
    key = (ItemKind.TOOL, "read_file")
    tool = FILES.items[key]
    assert isinstance(tool, Tool)
    items = {**FILES.items, key: replace(tool, demand=Demand(Acr.PASSKEY, 900.0))}
    scene.catalog = catalog(replace(FILES, items=items))
    return scene


async def test_a_tool_that_demands_a_passkey_is_listed_challenged_and_then_served(scene: Scene) -> None:
    demanding(scene)
    token = scene.given(ago(10))
    listed = await scene.modern("/mcp/files", token, "tools/list")
    assert "read_file" in [tool["name"] for tool in listed.json["result"]["tools"]]
    answer = await scene.modern("/mcp/files", token, "tools/call", CALL)
    assert answer.status == 401
    assert 'acr_values="urn:remit:acr:passkey", max_age="900"' in challenged(answer)
    better = scene.token("files")
    object.__setattr__(list(scene.grants)[-1].grant, "authentication", ago(10, PASSKEY))
    assert (await scene.modern("/mcp/files", better, "tools/call", CALL)).status == 200


async def test_a_legacy_client_is_challenged_too(scene: Scene) -> None:
    demanding(scene)
    greet(scene)
    token = scene.given(ago(10))
    session = await scene.open_session("/mcp/files", token)
    answer = await scene.legacy("/mcp/files", token, session, "tools/call", CALL)
    assert answer.status == 401
    assert 'error="insufficient_user_authentication"' in challenged(answer)


async def test_a_grant_that_does_not_cover_the_tool_is_told_of_the_scope_first(scene: Scene) -> None:
    demanding(scene)
    token = scene.given(ago(10), scopes=frozenset({OneTool("files", "search")}))
    answer = await scene.modern("/mcp/files", token, "tools/call", CALL)
    assert answer.status == 403
    assert 'error="insufficient_scope"' in challenged(answer)


async def test_a_grant_nobody_signed_in_for_is_denied_and_not_challenged(scene: Scene) -> None:
    demanding(scene)
    answer = await scene.modern("/mcp/files", scene.given(NOBODY), "tools/call", CALL)
    assert answer.json["result"]["structuredContent"][DECISION]["reason"] == "context_missing"
    assert b"www-authenticate" not in answer.headers
