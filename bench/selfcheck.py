"""Proof that the load generator notices wrong replies, run before each benchmark.

A checker that accepts everything would make every gateway look right and the broken ones fast. Each
case is one reply of a scripted peer; its twin is a reply that is right in another of the allowed forms.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from machine import BenchError

Reply = Callable[[int, str], bytes]  # (request id, text sent) -> the bytes of the answer


def _message(request_id: object, text: str, **result: object) -> dict[str, object]:
    content = [{"type": "text", "text": text}]
    return {"jsonrpc": "2.0", "id": request_id, "result": {"content": content, **result}}


def _http(body: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _json(message: object, indent: int | None = None) -> bytes:
    return _http(json.dumps(message, indent=indent).encode())


def _stream(*events: str) -> bytes:
    return _http("".join(events).encode(), kind="text/event-stream")


def _event(message: object) -> str:
    return f"event: message\r\ndata: {json.dumps(message)}\r\n\r\n"


def _chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    half = len(body) // 2
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))


CASES: dict[str, tuple[str, Reply]] = {
    "JSON": ("ok", lambda i, t: _json(_message(i, t, isError=False, resultType="complete"))),
    "JSON with white space": ("ok", lambda i, t: _json(_message(i, t), indent=2)),
    "one event": ("ok", lambda i, t: _stream(_event(_message(i, t)))),
    "one event after a priming one": ("ok", lambda i, t: _stream("id: 1\ndata:\n\n", _event(_message(i, t)))),
    "one event in two chunks": ("ok", lambda i, t: _chunked(_event(_message(i, t)).encode())),
    "another call's id": ("id", lambda i, t: _json(_message(i + 1, t))),
    "the id with a digit more": ("id", lambda i, t: _json(_message(i * 10, t))),
    "the id as a string": ("id", lambda i, t: _json(_message(str(i), t))),
    "another call's text": ("payload", lambda i, t: _json(_message(i, t[:-1] + "0"))),
    "the text with more after it": ("payload", lambda i, t: _json(_message(i, t + "0"))),
    "a second content item": ("payload", lambda i, t: _json(_message(i, t, content=[{"type": "text", "text": t}] * 2))),
    "a tool error": ("rpc", lambda i, t: _json(_message(i, t, isError=True))),
    "an unfinished result": ("rpc", lambda i, t: _json(_message(i, t, resultType="input_required"))),
    "a JSON-RPC error": ("rpc", lambda i, t: _json({**_message(i, t), "error": {"code": -32603, "message": "x"}})),
    "status 500 with a right body": ("http", lambda i, t: _http(json.dumps(_message(i, t)).encode(), "500 No")),
    "two events": ("framing", lambda i, t: _stream(_event(_message(i, t)), _event(_message(i, t)))),
    "bytes after the reply": ("framing", lambda i, t: _json(_message(i, t)) + b"HTTP/1.1 200 OK\r\n"),
    "length and chunks at once": (
        "framing",
        lambda i, t: _chunked(b"{}").replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n", 1),
    ),
    "half a reply": ("closed", lambda i, t: _json(_message(i, t))[:-5]),
    "no reply": ("closed", lambda _i, _t: b""),
}


def _answer_one(listener: socket.socket, reply: Reply) -> None:
    connection, _ = listener.accept()
    with connection:
        received = b""
        while not received.endswith(b"}}}"):  # the end of every call that the generator sends
            received += connection.recv(65536)
        request_id = re.search(rb'"id":(\d+)', received)
        text = re.search(rb'"text":"([^"]*)"', received)
        assert request_id, received
        assert text, received
        connection.sendall(reply(int(request_id[1]), text[1].decode()))


def _verdict(generator: Path, reply: Reply) -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = threading.Thread(target=_answer_one, args=(listener, reply), daemon=True)
        peer.start()
        port = str(listener.getsockname()[1])
        command = [str(generator), "-p", port, "-n", "1", "-d", "10", "-x", "32"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        peer.join(10)
    result = json.loads(done.stdout)
    found = [kind for kind, count in result["errors_by_kind"].items() if count]
    return found[0] if found else "ok" if result["calls_total"] == 1 else "no call"


def verify(generator: Path) -> None:
    """Raise BenchError when the generator takes a wrong reply for right, or the other way round."""
    for name, (expected, reply) in CASES.items():
        found = _verdict(generator, reply)
        if found != expected:
            raise BenchError(f"the load generator judged '{name}' as {found}, expected {expected}")
