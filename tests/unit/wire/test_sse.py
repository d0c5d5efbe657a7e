"""Writing events; the reader of the other leg reads them back."""

from __future__ import annotations

from remit.wire import sse
from remit.wire.events import EventReader


def read(data: bytes) -> list[tuple[bytes, str | None, int | None]]:
    return [(event.data, event.event_id, event.retry_ms) for event in EventReader(10_000).feed(data)]


def test_an_event_holds_its_message_on_one_line() -> None:
    assert sse.event(b'{\r\n"a": 1\n}').count(b"\ndata: ") == 1
    assert read(sse.event(b'{"a":1}')) == [(b'{"a":1}', None, None)]


def test_ids_and_retry_travel_with_the_event() -> None:
    assert read(sse.event(b"{}", "7-a", 500)) == [(b"{}", "7-a", 500)]


def test_a_priming_event_has_an_id_and_no_message() -> None:
    assert sse.event(b"", "7", 500) == b"id: 7\nretry: 500\ndata: \n\n"
    assert b"event:" not in sse.event(b"", "7")
