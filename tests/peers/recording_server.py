"""A modern MCP server over HTTP that keeps every byte it is sent. In a thread, since Remit is another process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

VERSION = "2026-07-28"
TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("echo", "forbidden")]
RESULTS: dict[str, dict[str, Any]] = {
    "server/discover": {"supportedVersions": [VERSION], "capabilities": {"tools": {}}},
    "tools/list": {"tools": TOOLS},
    "tools/call": {"content": [{"type": "text", "text": "done"}]},
}


class Recording(ThreadingHTTPServer):
    """`received` holds each request's head and body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[bytes] = []

    def calls(self) -> int:
        return sum(b'"tools/call"' in request for request in self.received)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recording

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.server.received.append(self.raw_requestline + bytes(self.headers) + body)
        asked = orjson.loads(body)
        result = RESULTS.get(asked.get("method"))
        found: dict[str, Any] = {"jsonrpc": "2.0", "id": asked.get("id")}
        if result is None:
            found["error"] = {"code": -32601, "message": "Method not found"}
        else:
            found["result"] = result | {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
        answer = orjson.dumps(found)
        self.send_response(200 if result is not None else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        return None


@contextlib.contextmanager
def recording_server() -> Iterator[Recording]:
    with Recording() as server:
        thread = threading.Thread(target=server.serve_forever, name="recording-server")
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
