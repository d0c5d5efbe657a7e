"""Whoever makes Remit log what it holds (a traceback with locals, a debugger, a careless line) must find no token in
it: requests as they were framed, token requests and tokens taken apart printed what they carry.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remit.adapters.authenticator.jws import parse
from remit.core.request import Session
from remit.core.secret import Secret
from remit.flows.client_authentication import ClientRequest
from remit.surfaces.mcp.exchange import HttpRequest
from remit.surfaces.oauth.form import parse_form
from remit.wire.http1 import Limits, RequestParser

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
PARTS = TOKEN.split(".")[1:]


def framed() -> object:
    parser = RequestParser(Limits())
    head = f"POST /mcp?access_token={TOKEN} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n"
    body = f'{{"token":"{TOKEN}"}}'
    (request,) = parser.feed(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    assert dict(request.headers)[b"authorization"] == f"Bearer {TOKEN}".encode()
    return request


def handed_on() -> object:
    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    return HttpRequest(b"POST", b"/mcp", f"access_token={TOKEN}".encode(), headers, TOKEN.encode(), "127.0.0.1")


def token_request() -> object:
    parameters = parse_form(f"client_assertion={TOKEN}&client_secret={TOKEN}".encode())
    assert parameters["client_assertion"] == TOKEN
    return ClientRequest(parameters, ("client", Secret(TOKEN.encode())), "127.0.0.1")


def taken_apart() -> object:
    jws = parse(TOKEN.encode())
    assert jws.signature == b"signature"
    return jws


def session() -> object:
    return Session("nonce", "2025-11-25", {}, upstream=TOKEN)


@pytest.mark.parametrize("carrier", [framed, handed_on, token_request, taken_apart, session])
def test_what_carries_a_token_does_not_print_it(carrier: Callable[[], object]) -> None:
    shown = f"{carrier()!r}{[carrier()]}"
    assert [part for part in (*PARTS, "signature=", '{"sub"') if part in shown] == []
    assert type(carrier()).__name__ in shown
