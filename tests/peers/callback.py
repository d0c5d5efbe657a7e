"""The loopback end of a login: a client's listener on the person's own device, good for one answer."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self

WAIT_S_MAX = 30.0


class Callback(HTTPServer):
    """Use it as a context; `taken` waits for the path and query that a browser is sent to."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.timeout = WAIT_S_MAX
        self._target = ""
        self._thread = threading.Thread(target=self.handle_request, name="callback")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/callback"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self.server_close()

    def taken(self) -> str:
        self._thread.join()
        return self._target

    def take(self, target: str) -> None:
        self._target = target


class _Handler(BaseHTTPRequestHandler):
    server: Callback

    def do_GET(self) -> None:
        self.server.take(self.path)
        said = b"<!doctype html><title>Back at the client</title><p>Back at the client.</p>"
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:
        return None
