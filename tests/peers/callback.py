"""The loopback end of a login: what listens on the person's own device until a browser comes back to it."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

WAIT_S_MAX = 30.0


class Callback(ThreadingHTTPServer):
    """Use it as a context. It shows the page `shows`; `taken` waits for the path and query that a browser is sent to,
    `headers` are those it sent.
    """

    daemon_threads = True  # a browser opens connections before it knows what for

    def __init__(self, port: int = 0, shows: str = "<p>Back at the client.</p>", host: str = "127.0.0.1") -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.page = f"<!doctype html><title>Another site</title>{shows}".encode()
        self.headers: dict[str, str] = {}
        self._target = ""
        self._came = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, name="callback")

    @property
    def url(self) -> str:
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}/callback" if ":" in host else f"http://{host}:{port}/callback"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def taken(self) -> str:
        assert self._came.wait(WAIT_S_MAX), "no browser came"
        return self._target

    def take(self, target: str, headers: dict[str, str]) -> None:
        if not self._came.is_set():
            self._target, self.headers = target, headers
            self._came.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes a connection it opened for nothing."""


class _Handler(BaseHTTPRequestHandler):
    server: Callback

    def do_GET(self) -> None:
        if self.path == "/favicon.ico":
            self.send_error(404)
            return
        self.server.take(self.path, {name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(self.server.page)))
        self.end_headers()
        self.wfile.write(self.server.page)

    def log_message(self, format: str, *args: Any) -> None:
        return None
