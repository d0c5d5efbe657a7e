"""A reverse proxy in front of Remit that writes down what clients really send, so that no client has to be believed.

It can spoil an access token on its way, which is what an expired one looks like to the client that sent it, and say of
one that it expires at once.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.peers import remit_process
from tests.peers.remit_process import RemitProcess

TIMEOUT_S = 60.0
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One exchange. `sent` holds the parameters of a query or form, or the `method` of a JSON-RPC message."""

    verb: str
    path: str
    sent: Mapping[str, str]
    headers: Mapping[str, str]
    status: int


class Relay(ThreadingHTTPServer):
    """`seen` holds what came back, in that order; `spoil` names the JSON-RPC method whose next token is spoiled; with
    `hurried` a code's tokens come without time left.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = 0
        self.seen: list[Seen] = []
        self.spoil = ""
        self.hurried = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def begin(self, *, spoil: str = "", hurried: bool = False) -> None:
        """For the next client."""
        self.seen.clear()
        self.spoil, self.hurried = spoil, hurried

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is no error of anybody's."""


@dataclass(slots=True)
class _Request:
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def _relay(self) -> None:
        asked = self._read()
        if self.server.spoil and asked.sent.get("method") == self.server.spoil:
            self.server.spoil = ""
            asked.headers["authorization"] = asked.headers["authorization"][:-8] + "AAAAAAAA"
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, asked.body or None, asked.headers)
            answer = connection.getresponse()
            place = urlsplit(self.path)
            self.server.seen.append(Seen(self.command, place.path, asked.sent, asked.headers, answer.status))
            hurried = self.server.hurried and asked.sent.get("grant_type") == "authorization_code"
            self._answer(answer, (b'"expires_in":300', b'"expires_in":0  ') if hurried else (b"", b""))

    do_GET = do_POST = do_DELETE = do_OPTIONS = do_HEAD = _relay

    def _read(self) -> _Request:
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        sent = dict(parse_qsl(urlsplit(self.path).query))
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            sent |= dict(parse_qsl(body.decode()))
        elif body:
            message = json.loads(body)
            sent |= {"method": message.get("method", "")}
        return _Request(headers, body, sent)

    def _answer(self, answer: http.client.HTTPResponse, instead: tuple[bytes, bytes]) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP | {"date", "server"}:
                self.send_header(name, value)
        sized = answer.getheader("content-length") is not None or answer.status in (204, 304)
        if not sized:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        while chunk := answer.read1(65536):
            chunk = chunk.replace(*instead) if instead[0] else chunk
            self.wfile.write(chunk if sized else b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if not sized:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        return None


@contextlib.contextmanager
def relayed(folder: Path, **settings: Any) -> Iterator[tuple[RemitProcess, Relay]]:
    """A Remit whose `public_url` is a relay's; `settings` are those of `remit_process`."""
    with Relay() as relay:
        thread = threading.Thread(target=relay.serve_forever, name="relay")
        thread.start()
        try:
            with remit_process.remit_process(folder, public_url=relay.url, **settings) as remit:
                relay.target = int(remit.url.rsplit(":", 1)[1])
                yield replace(remit, url=relay.url), relay
        finally:
            relay.shutdown()
            thread.join()
