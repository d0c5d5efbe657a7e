"""What is remembered of sessions: their questions and their requests in flight, and how much of it."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.errors import Invalid
from remit.core.principals import Authenticated, Claims, conclude_authenticated
from remit.core.request import Session
from remit.surfaces.mcp import sessions as remembered
from remit.surfaces.mcp.sessions import Sessions
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.sealer import FakeSealer

RESOURCE = "http://127.0.0.1:8700/mcp"


def all_sessions() -> Sessions:
    return Sessions(FakeSealer(), FakeClock(), FakeEntropy())


def a_session(sessions: Sessions) -> Session:
    return Session(sessions.new_nonce(), "2025-11-25", {})


def principal(grant: str = "grt_1") -> Authenticated:
    claims = Claims("iss", "engineer", "editor", grant, "acme", RESOURCE, "tok", 1000, 1000, 2000)
    return conclude_authenticated(claims, issuer="iss", resource=RESOURCE, now_s=1001.0, leeway_s=0)


def asked(sessions: Sessions, session: Session, *ids: bytes) -> None:
    for id in ids:
        sessions.life(session).expect_answer(id)


def refused_answer(sessions: Sessions, session: Session, id: bytes) -> None:
    with pytest.raises(Invalid):
        sessions.take_answer(session, id)


def test_an_answer_is_taken_once_and_only_from_the_session_that_was_asked() -> None:
    sessions = all_sessions()
    one, other = a_session(sessions), a_session(sessions)
    asked(sessions, one, b"1", b"2")
    refused_answer(sessions, other, b"1")
    sessions.take_answer(one, b"1")
    refused_answer(sessions, one, b"1")
    sessions.take_answer(one, b"2")


def test_of_too_many_questions_to_one_session_the_oldest_is_forgotten() -> None:
    sessions = all_sessions()
    session = a_session(sessions)
    ids = [b"%d" % n for n in range(remembered._QUESTIONS_MAX + 1)]
    asked(sessions, session, *ids)
    refused_answer(sessions, session, ids[0])
    for id in ids[1:]:
        sessions.take_answer(session, id)


def test_of_too_many_sessions_that_were_asked_the_first_is_forgotten() -> None:
    sessions = all_sessions()
    several = [a_session(sessions) for _ in range(remembered._ASKED_SESSIONS_MAX + 1)]
    for session in several:
        asked(sessions, session, b"1")
    refused_answer(sessions, several[0], b"1")
    for session in several[1:]:
        sessions.take_answer(session, b"1")


def test_a_session_that_ended_was_asked_nothing_and_others_still_are() -> None:
    sessions, who = all_sessions(), principal()
    ending, other = a_session(sessions), a_session(sessions)
    handle = sessions.mint(who, RESOURCE, ending)
    sessions.require(handle, who, RESOURCE)
    asked(sessions, ending, b"1")
    asked(sessions, other, b"1")
    sessions.end(handle)
    sessions.end(handle)  # again, or one that was never opened: nothing
    refused_answer(sessions, ending, b"1")
    sessions.take_answer(other, b"1")


async def test_the_end_of_a_session_cancels_its_requests_and_no_others() -> None:
    sessions, who = all_sessions(), principal()
    ending, other = a_session(sessions), a_session(sessions)
    handle = sessions.mint(who, RESOURCE, ending)
    sessions.require(handle, who, RESOURCE)
    calls = {}

    async def serve(session: Session) -> None:
        calls[session.nonce] = sessions.start(session, b"1")
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(serve(session)) for session in (ending, other)]
    await asyncio.sleep(0)
    sessions.end(handle)
    await asyncio.wait([tasks[0]])
    assert tasks[0].cancelled()
    assert calls[ending.nonce].cancelled
    assert not calls[other.nonce].cancelled
    assert not tasks[1].done()
    tasks[1].cancel()
    await asyncio.wait([tasks[1]])
