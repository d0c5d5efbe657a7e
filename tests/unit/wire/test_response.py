from __future__ import annotations

import pytest

from remit.wire.response import HEAD_BYTES_MAX, HEADERS_MAX, ResponseError, ResponseParser, TooLarge

OK = b"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1;ext=1\r\n}\r\n0\r\ntrailer: x\r\n\r\n"


@pytest.mark.parametrize("data", [OK, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + OK])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_response_reads_the_same_however_it_is_split(data: bytes, size: int) -> None:
    parser = ResponseParser(100)
    for start in range(0, len(data), size):
        assert not parser.response.complete
        parser.feed(data[start : start + size])
    assert parser.response.complete
    assert parser.response.keep_alive
    assert (parser.response.status, parser.response.take()) == (200, b"{}")


def test_the_content_type_has_no_parameters_and_one_case() -> None:
    parser = ResponseParser(100)
    parser.feed(OK)
    assert parser.response.content_type == b"application/json"


def test_one_connection_carries_response_after_response_when_each_is_expected() -> None:
    parser = ResponseParser(100)
    for _ in range(3):
        parser.expect(100)
        parser.feed(OK)
        assert parser.response.complete


def test_a_second_response_in_the_same_bytes_is_refused_and_the_first_stands() -> None:
    parser = ResponseParser(100)
    with pytest.raises(ResponseError, match="follow"):
        parser.feed(OK + OK)
    assert parser.response.complete
    assert parser.response.take() == b"{}"


def test_a_body_without_a_length_ends_with_the_connection_and_one_with_a_length_does_not() -> None:
    parser = ResponseParser(100)
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\n{}")
    assert not parser.response.complete
    assert parser.end()
    cut = ResponseParser(100)
    cut.feed(OK[:-1])
    assert not cut.end()


def test_a_body_longer_than_allowed_is_refused() -> None:
    parser = ResponseParser(1)
    with pytest.raises(TooLarge):
        parser.feed(OK)


def test_too_many_headers_are_refused() -> None:
    lines = b"".join(b"h%d: x\r\n" % n for n in range(HEADERS_MAX + 1))
    with pytest.raises(ResponseError, match="headers"):
        ResponseParser(100).feed(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")


def test_a_head_that_is_too_long_is_refused_as_soon_as_it_is() -> None:
    begins = b"HTTP/1.1 200 OK\r\nx: "
    parser = ResponseParser(100)
    parser.feed(begins + b"x" * (HEAD_BYTES_MAX - len(begins)))
    with pytest.raises(ResponseError, match="head is longer"):
        parser.feed(b"x")


def test_a_body_that_comes_with_its_head_does_not_count_as_head() -> None:
    body = b"x" * HEAD_BYTES_MAX
    parser = ResponseParser(len(body))
    parser.feed(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    assert parser.response.take() == body


@pytest.mark.parametrize("version", [b"1.0", b"0.9", b"2.0"])
def test_a_response_of_another_version_is_refused(version: bytes) -> None:
    with pytest.raises(ResponseError):
        ResponseParser(100).feed(OK.replace(b"1.1", version))


def test_connection_close_is_not_kept_alive() -> None:
    parser = ResponseParser(100)
    parser.feed(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    assert parser.response.complete
    assert not parser.response.keep_alive


def test_a_repeated_head_is_read_like_the_first_time() -> None:
    parser = ResponseParser(1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    parser.feed(head + b"{}")
    first = parser.response
    parser.expect(1000)
    parser.feed(head + b"[]")
    second = parser.response
    assert (second.status, second.content_type, second.keep_alive) == (200, b"application/json", True)
    assert (first.take(), second.take(), second.complete) == (b"{}", b"[]", True)


def test_a_response_that_only_begins_like_the_last_one_is_read_afresh() -> None:
    parser = ResponseParser(1000)
    parser.feed(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}")
    parser.expect(1000)
    parser.feed(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\n{}")
    assert not parser.response.complete
    parser.feed(b" ")
    assert parser.response.take() == b"{} "


def test_a_byte_after_a_repeated_response_is_still_refused() -> None:
    parser = ResponseParser(1000)
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}"
    parser.feed(whole)
    parser.expect(1000)
    with pytest.raises(ResponseError):
        parser.feed(whole + b"x")


def test_a_repeated_response_over_a_lower_limit_is_refused() -> None:
    parser = ResponseParser(1000)
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}"
    parser.feed(whole)
    parser.expect(1)
    with pytest.raises(TooLarge):
        parser.feed(whole)
