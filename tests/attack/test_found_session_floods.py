"""One principal among others: opening and closing sessions by the thousand must end nobody else's, and a name must not
be a way to fill memory.
"""

from __future__ import annotations

import pytest

from remit.core.errors import Refusal
from remit.core.principals import Authenticated, Claims, conclude_authenticated
from remit.core.reasons import Reason
from remit.core.request import Session
from remit.flows.target import NAME_LENGTH_MAX
from remit.surfaces.mcp.sessions import Sessions
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.sealer import FakeSealer
from tests.scenes.mcp import McpScene, opened

RESOURCE = "http://127.0.0.1:8700/mcp"
CLOSED = 70_000


def principal(grant: str) -> Authenticated:
    claims = Claims("iss", "engineer", "editor", grant, "acme", RESOURCE, "tok", 1000, 1000, 2000)
    return conclude_authenticated(claims, issuer="iss", resource=RESOURCE, now_s=1001.0, leeway_s=0)


def a_session(sessions: Sessions, who: Authenticated) -> bytes:
    return sessions.mint(who, RESOURCE, Session(sessions.new_nonce(), "2025-11-25", {}))


def closes(sessions: Sessions, who: Authenticated, count: int, clock: FakeClock) -> None:
    for _ in range(count):
        clock.advance(0.01)
        handle = a_session(sessions, who)
        sessions.require(handle, who, RESOURCE)
        sessions.end(handle)


def test_a_flood_of_closed_sessions_ends_only_sessions_of_its_own_grant() -> None:
    clock = FakeClock()
    sessions = Sessions(FakeSealer(), clock, FakeEntropy())
    victim, flooder = principal("grt_victim"), principal("grt_flooder")
    theirs, old = a_session(sessions, victim), a_session(sessions, flooder)
    clock.advance(60.0)
    closes(sessions, flooder, CLOSED, clock)
    assert sessions.require(theirs, victim, RESOURCE).version == "2025-11-25"
    with pytest.raises(Refusal) as refused:
        sessions.require(old, flooder, RESOURCE)
    assert refused.value.reason is Reason.SESSION_UNKNOWN
    clock.advance(1.0)
    assert sessions.require(a_session(sessions, flooder), flooder, RESOURCE).version


def test_a_closed_session_stays_closed_whatever_was_closed_since() -> None:
    clock = FakeClock()
    sessions = Sessions(FakeSealer(), clock, FakeEntropy())
    who = principal("grt_one")
    handle = a_session(sessions, who)
    sessions.require(handle, who, RESOURCE)
    sessions.end(handle)
    clock.advance(5.0)
    closes(sessions, who, 5_000, clock)
    with pytest.raises(Refusal):
        sessions.require(handle, who, RESOURCE)


async def test_a_name_too_long_to_be_one_is_refused_before_anything_keeps_it() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    before = len(scene.upstreams.arrived)
    long = await scene.legacy("/mcp/files", token, session, "resources/read", {"uri": "x:" + "a" * NAME_LENGTH_MAX})
    assert b"invalid_params" in long.body
    assert len(scene.upstreams.arrived) == before
    fits = await scene.legacy("/mcp/files", token, session, "resources/read", {"uri": "x:" + "a" * 4000})
    assert b"invalid_params" not in fits.body
    assert len(scene.upstreams.arrived) == before + 1
