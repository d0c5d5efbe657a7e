"""Request heads for one server: the constant part is built once per credential and era, the rest per request."""

from __future__ import annotations

import re
from collections.abc import Mapping

from remit.core.egress import Peer
from remit.core.errors import refuse
from remit.core.lease import Credential
from remit.core.reasons import Reason

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(rb"[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?\Z")
SESSION_ID = re.compile(r"[!-~]{1,1024}\Z")
# What the framing and the protocol own; neither a registration nor a credential may set them.
_OURS = frozenset(
    {b"host", b"connection", b"content-length", b"transfer-encoding", b"content-type", b"accept", b"mcp-session-id",
     b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"last-event-id", b"te", b"upgrade", b"expect"}
)  # fmt: skip


class Heads:
    """`plain` are the registration's headers without secrets. Raises `Denied` for a header that could not be one."""

    def __init__(self, peer: Peer, plain: Mapping[str, str]) -> None:
        self._target = peer.target.encode("ascii")
        self._common = b"host: %b\r\nuser-agent: remit\r\n" % peer.authority.encode("ascii")
        self._common += b"".join(header(name, value.encode("utf-8")) for name, value in plain.items())
        self._credential: Credential | None = None
        self._posts: dict[str, bytes] = {}
        self._secret_lines = b""

    def post(self, credential: Credential, version: str, session: str, routing: bytes, length: int) -> bytes:
        """The head of a POST carrying `length` bytes of JSON. `routing` are finished header lines."""
        if credential is not self._credential:
            self._use(credential)
        start = self._posts.get(version)
        if start is None:
            if len(self._posts) > 16:
                self._posts.clear()
            start = self._posts[version] = self._start(b"POST", version) + (
                b"content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
            )
        if session:
            routing = b"%bmcp-session-id: %b\r\n" % (routing, session.encode("ascii"))
        return b"%b%bcontent-length: %d\r\n\r\n" % (start, routing, length)

    def bare(self, method: bytes, credential: Credential, version: str, session: str, last_event_id: str = "") -> bytes:
        """The head of a legacy GET (the session's stream) or DELETE (its end)."""
        if credential is not self._credential:
            self._use(credential)
        head = self._start(method, version)
        if method == b"GET":
            head += b"accept: text/event-stream\r\n"
        if session:
            head += b"mcp-session-id: %b\r\n" % session.encode("ascii")
        if last_event_id:
            head += header("last-event-id", last_event_id.encode("utf-8"), ours=True)
        return head + b"\r\n"

    def _start(self, method: bytes, version: str) -> bytes:
        start = b"%b %b HTTP/1.1\r\n%b%b" % (method, self._target, self._common, self._secret_lines)
        return start + (header("mcp-protocol-version", version.encode("utf-8"), ours=True) if version else b"")

    def _use(self, credential: Credential) -> None:
        self._secret_lines = b"".join(header(name, secret.expose()) for name, secret in credential.headers)
        self._credential = credential
        self._posts.clear()


def header(name: str, value: bytes, *, ours: bool = False) -> bytes:
    """One header line. Raises `Denied` without quoting the value: it may be a secret."""
    encoded = name.lower().encode("utf-8")
    if not _TOKEN.match(encoded) or not _VALUE.match(value):
        raise refuse(Reason.CREDENTIAL_REFUSED, f"header {name[:64]!r}: expected a token and visible characters")
    if not ours and encoded in _OURS:
        raise refuse(Reason.CREDENTIAL_REFUSED, f"header {name[:64]!r} is set by Remit and cannot be registered")
    return b"%b: %b\r\n" % (encoded, value)
