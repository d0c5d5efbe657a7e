from __future__ import annotations

import tracemalloc

import pytest

from remit.wire.events import ID_BYTES_MAX, Event, EventReader, EventTooLarge

STREAM = b': hello\r\n\r\nid: 4\r\nevent: message\r\ndata: {"a":1}\r\n\r\ndata:x\ndata: y\n\n'
STREAM += b"retry: 50\rid: 5\rdata: \r\rid\n\n"
EVENTS = [Event(b'{"a":1}', "4"), Event(b"x y"), Event(b"", "5", 50), Event(b"", "")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_read_the_same_however_the_bytes_are_split(size: int) -> None:
    reader = EventReader(100)
    found: list[Event] = []
    for start in range(0, len(STREAM), size):
        found += reader.feed(STREAM[start : start + size])
    assert found == EVENTS


def test_an_event_without_its_blank_line_is_not_an_event_yet() -> None:
    reader = EventReader(100)
    assert reader.feed(b"data: a\n") == []
    assert reader.feed(b"\n") == [Event(b"a")]


def test_an_event_that_ends_in_cr_is_read_at_once() -> None:
    """The stream may go quiet after it: waiting for what follows the CR would be waiting for ever."""
    reader = EventReader(100)
    assert reader.feed(b"data: a\r\r") == [Event(b"a")]
    assert reader.feed(b"") == []
    assert reader.feed(b"\n") == []  # the other half of a CRLF ends no second line
    assert reader.feed(b"data: b\r\n\r") == [Event(b"b")]
    assert reader.feed(b"\ndata: c\n\n") == [Event(b"c")]


def test_a_piece_of_a_long_line_costs_what_the_piece_costs() -> None:
    """A server that sends one line in very many pieces must not make each of them cost the whole line."""
    reader = EventReader(16 << 20)
    for piece in (b"data: ", b"x" * (8 << 20), b"x"):
        reader.feed(piece)
    tracemalloc.start()
    try:
        reader.feed(b"x")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1 << 20
    assert [len(event.data) for event in reader.feed(b"\n\n")] == [(8 << 20) + 2]


@pytest.mark.parametrize(
    "data",
    [b"data: " + b"x" * 101, b"data: " + b"x" * 50 + b"\ndata: " + b"x" * 50 + b"\n", b"data:\n" * 102],
)
def test_an_event_longer_than_allowed_is_refused(data: bytes) -> None:
    with pytest.raises(EventTooLarge):
        EventReader(100).feed(data)


@pytest.mark.parametrize("data", [b"x" * 100, b"x" * 50 + b"\ndata: " + b"x" * 49, b"\ndata:" * 100])
def test_an_event_as_long_as_allowed_is_read(data: bytes) -> None:
    (event,) = EventReader(100).feed(b"data: " + data + b"\n\n")
    assert len(event.data) == 100


@pytest.mark.parametrize("id", [b"\xff", b"a\0b", b"x" * (ID_BYTES_MAX + 1)])
def test_an_id_that_could_not_come_back_as_a_header_is_dropped(id: bytes) -> None:
    assert EventReader(10_000).feed(b"id: " + id + b"\ndata: a\n\n") == [Event(b"a")]


@pytest.mark.parametrize("retry", [b"-1", b"1.5", b"1" * 10, b""])
def test_a_retry_that_is_no_number_is_ignored(retry: bytes) -> None:
    assert EventReader(100).feed(b"retry: " + retry + b"\ndata: a\n\n") == [Event(b"a")]
