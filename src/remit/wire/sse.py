"""Writing server-sent events (WHATWG HTML, 9.2): one JSON-RPC message per event, on one line."""

from __future__ import annotations

from remit.wire.jsonrpc import one_line


def event(data: bytes, event_id: str = "", retry_ms: int | None = None) -> bytes:
    """`data` empty is a priming event: it carries only what a client needs to resume (2025-11-25)."""
    head = b""
    if event_id:
        head = b"id: " + event_id.encode("ascii") + b"\n"
    if retry_ms is not None:
        head += b"retry: %d\n" % retry_ms
    if not data:
        return head + b"data: \n\n"
    return head + b"event: message\ndata: " + one_line(data) + b"\n\n"
