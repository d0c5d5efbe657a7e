from __future__ import annotations

from remit.adapters.upstream.flights import DETACHED_MAX, Flights

MINE, OTHER = ("g1", "n1"), ("g1", "n2")


def test_both_ids_are_found_by_their_owner_alone() -> None:
    flights = Flights()
    flights.begin(MINE, b'"a"', 5)
    assert (flights.ours(MINE, b'"a"'), flights.theirs(MINE, 5)) == (5, b'"a"')
    assert (flights.ours(OTHER, b'"a"'), flights.theirs(OTHER, 5)) == (None, None)
    flights.end(5)
    assert (flights.ours(MINE, b'"a"'), flights.theirs(MINE, 5)) == (None, None)


def test_a_reused_client_id_belongs_to_the_newer_request() -> None:
    flights = Flights()
    flights.begin(MINE, b"1", 5)
    flights.begin(MINE, b"1", 6)
    flights.end(5)
    assert flights.ours(MINE, b"1") == 6


def test_answers_that_never_come_are_forgotten() -> None:
    flights = Flights()
    for id in range(DETACHED_MAX + 10):
        flights.begin(MINE, b"%d" % id, id)
        flights.detach(id)
    assert flights.theirs(MINE, 0) is None
    assert flights.theirs(MINE, DETACHED_MAX) is not None
