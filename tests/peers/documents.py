"""A web server whose owner puts client id metadata documents on it, and changes them, or worse."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.peers.certificate import certificate


@dataclass
class Documents:
    """`answers` maps paths to status, headers and body. `ca_file` is whom its certificate is from."""

    ca_file: Path
    port: int = 0
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}{path}"

    def put(self, path: str, *, status: int = 200, headers: dict[str, str] | None = None, **changes: Any) -> str:
        """Describe a client there, and return its id."""
        url = self.url(path)
        says = {
            "client_id": url,
            "client_name": "Sketchpad",
            "redirect_uris": ["http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        }
        body = json.dumps(says | changes).encode()
        self.answers[path] = (status, {"Cache-Control": "no-store"} | (headers or {}), body)
        return url


@contextmanager
def document_server(folder: Path) -> Iterator[Documents]:
    pem, key = certificate(folder, "localhost")
    documents = Documents(pem)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            documents.asked.append(self.path)
            status, headers, body = documents.answers.get(self.path, (404, {}, b"{}"))
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Into `asked` instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    documents.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, name="documents", daemon=True)
    thread.start()
    try:
        yield documents
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
