from __future__ import annotations

from remit.adapters.upstream.http_sessions import Sessions
from remit.testing.clock import FakeClock


def test_ten_thousand_abandoned_sessions_leave_no_more_than_the_limit() -> None:
    sessions = Sessions(FakeClock().monotonic_s, sessions_max=100, ttl_s=60)
    gone = [opened for n in range(10_000) for opened in sessions.add(("g", str(n)), f"s{n}", "v")]
    assert len(sessions) == 100
    assert len(gone) == 9_900


def test_a_session_is_found_until_nobody_used_it_for_its_time() -> None:
    clock = FakeClock()
    sessions = Sessions(clock.monotonic_s, sessions_max=100, ttl_s=60)
    sessions.add(("g", "used"), "a", "v")
    sessions.add(("g", "idle"), "b", "v")
    clock.advance(40)
    assert sessions.find(("g", "used")) is not None
    clock.advance(40)
    assert [opened.id for opened in sessions.expired(clock.monotonic_s())] == ["b"]
    assert sessions.find(("g", "used")) is not None


def test_dropping_a_grant_drops_its_sessions_and_no_others() -> None:
    sessions = Sessions(FakeClock().monotonic_s, sessions_max=100, ttl_s=60)
    for grant, nonce in (("g1", "a"), ("g1", "b"), ("g2", "a")):
        sessions.add((grant, nonce), f"{grant}{nonce}", "v")
    assert [opened.id for opened in sessions.drop_grant("g1")] == ["g1a", "g1b"]
    assert sessions.find(("g2", "a")) is not None
