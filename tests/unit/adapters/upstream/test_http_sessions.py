from __future__ import annotations

from remit.adapters.upstream.http_sessions import Sessions
from remit.testing.clock import FakeClock


def test_ten_thousand_abandoned_sessions_leave_no_more_than_the_limit() -> None:
    sessions = Sessions(FakeClock().monotonic_s, sessions_max=100, ttl_s=60)
    gone = [opened for n in range(10_000) for opened in sessions.add((f"g{n}", "n"), f"s{n}", "v")]
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


def test_a_grant_with_too_many_sessions_displaces_its_own() -> None:
    sessions = Sessions(FakeClock().monotonic_s, sessions_max=100, ttl_s=60, per_grant_max=2)
    sessions.add(("other", "a"), "o", "v")
    gone = [opened.id for n in range(4) for opened in sessions.add(("greedy", str(n)), f"s{n}", "v")]
    assert gone == ["s0", "s1"]
    assert sessions.find(("other", "a")) is not None


def test_opening_again_gives_the_old_session_back_to_be_ended() -> None:
    sessions = Sessions(FakeClock().monotonic_s, sessions_max=100, ttl_s=60)
    sessions.add(("g", "n"), "old", "v")
    assert [opened.id for opened in sessions.add(("g", "n"), "new", "v")] == ["old"]
    assert sessions.add(("g", "n"), "new", "v") == []
    assert len(sessions) == 1
