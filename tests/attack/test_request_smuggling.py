"""Request smuggling (RFC 9112 sections 6.1, 6.3, 11.2): what two parsers could read differently is refused.

Each message has a twin that differs in the trick alone and is served, so that a refusal is for the trick.
"""

from __future__ import annotations

import pytest

from remit.wire.http1 import FramingError, Limits, RequestParser

START = b"POST /mcp HTTP/1.1\r\n"
HOST = b"Host: remit.test\r\n"
TWIN = START + HOST + b"Content-Length: 2\r\n\r\n{}"

TRICKS = {
    "content_length_beside_transfer_encoding": START
    + HOST
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer_encoding_beside_content_length": START
    + HOST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two_content_lengths": START + HOST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two_differing_content_lengths": START + HOST + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
    "signed_content_length": START + HOST + b"Content-Length: +2\r\n\r\n{}",
    "hexadecimal_content_length": START + HOST + b"Content-Length: 0x2\r\n\r\n{}",
    "listed_content_length": START + HOST + b"Content-Length: 2, 2\r\n\r\n{}",
    "chunked_not_last": START + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "unknown_coding": START + HOST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "space_before_colon": START + HOST + b"Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "vertical_tab_in_coding": START + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "folded_header": START + HOST + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "bare_line_feeds": TWIN.replace(b"\r\n", b"\n"),
    "nul_in_value": START + HOST + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "bad_chunk_size": START + HOST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
    "negative_chunk_size": START + HOST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "chunk_size_overflow": START + HOST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n",
    "two_hosts": START + HOST + HOST + b"Content-Length: 2\r\n\r\n{}",
    "no_host": START + b"Content-Length: 2\r\n\r\n{}",
    "absolute_target": b"POST http://evil.test/mcp HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}",
    "authority_target": b"CONNECT evil.test:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "obsolete_version": TWIN.replace(b"HTTP/1.1", b"HTTP/0.9"),
}


@pytest.mark.parametrize("trick", sorted(TRICKS))
def test_a_framing_trick_is_refused(trick: str) -> None:
    with pytest.raises(FramingError):
        RequestParser(Limits()).feed(TRICKS[trick])


def test_the_plain_twin_is_served() -> None:
    (request,) = RequestParser(Limits()).feed(TWIN)
    assert request.body == b"{}"


def test_bytes_after_a_request_are_the_next_request_and_never_part_of_the_last() -> None:
    smuggled = b"POST /mcp/other HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\n[{}]"
    first, second = RequestParser(Limits()).feed(TWIN + smuggled)
    assert (first.target, first.body) == (b"/mcp", b"{}")
    assert (second.target, second.body) == (b"/mcp/other", b"[{}]")
