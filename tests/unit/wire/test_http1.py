"""Request framing: what is accepted, in any split; what is refused, with which status."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.wire.http1 import FramingError, Limits, RequestParser

HEAD = b"POST /mcp HTTP/1.1\r\nHost: remit.test\r\n"
GOOD = HEAD + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"


def parser() -> RequestParser:
    return RequestParser(Limits(head_bytes_max=1024, headers_max=20, body_bytes_max=64))


def test_a_request_is_framed_with_its_headers_in_order_and_lower_case() -> None:
    (request,) = parser().feed(GOOD)
    assert (request.method, request.target, request.body) == (b"POST", b"/mcp", b"{}")
    assert request.headers == [
        (b"host", b"remit.test"),
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
    ]


@given(st.lists(st.integers(min_value=1, max_value=40), max_size=12), st.sampled_from([GOOD, CHUNKED]))
def test_how_packets_are_split_changes_nothing(cuts: list[int], message: bytes) -> None:
    stream = message * 3
    subject, found, at = parser(), [], 0
    for cut in [*cuts, len(stream)]:
        found += subject.feed(stream[at : at + cut]) if stream[at : at + cut] else []
        at += cut
    assert [request.body for request in found] == [b"{}"] * 3


def test_a_repeated_head_is_framed_like_the_first_time() -> None:
    subject = parser()
    first = subject.feed(GOOD)
    second = subject.feed(GOOD.replace(b"{}", b"[]"))
    assert second[0].body == b"[]"
    assert second[0].headers == first[0].headers


def test_a_packet_that_only_begins_like_the_last_head_is_parsed_afresh() -> None:
    subject = parser()
    subject.feed(GOOD)
    longer = GOOD.replace(b"Content-Length: 2", b"Content-Length: 3") + b" "
    assert subject.feed(longer)[0].body == b"{} "


def test_a_packet_that_ends_within_the_next_request_is_never_taken_for_one_request() -> None:
    """It ends like the first request's body, so its bytes up to there could be taken for the first request's head."""
    packet, rest = GOOD + GOOD.replace(b"Content-Length: 2", b"Content-Length: 4"), b"[]"
    subject = parser()
    for _ in range(2):
        assert [request.body for request in subject.feed(packet)] == [b"{}"]
        assert subject.in_message
        assert [request.body for request in subject.feed(rest)] == [b"{}[]"]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_fail_otherwise_than_by_refusing(noise: bytes) -> None:
    try:
        framed = parser().feed(noise)
    except FramingError as problem:
        framed, status = [], problem.status
        assert 400 <= status < 600
    assert all(request.target.startswith(b"/") for request in framed)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (HEAD + b"Content-Length: 65\r\n\r\n" + b"x" * 65, 413),
        (HEAD + b"X: " + b"x" * 2000 + b"\r\n\r\n", 431),
        (HEAD + b"X: 1\r\n" * 30 + b"\r\n", 431),
        (b"POST /mcp HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 505),
        (HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}", 501),
        (HEAD + b"Expect: the-unexpected\r\nContent-Length: 2\r\n\r\n{}", 417),
        (b"hello\r\n\r\n", 400),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_own_status(message: bytes, status: int) -> None:
    with pytest.raises(FramingError) as caught:
        parser().feed(message)
    assert caught.value.status == status
