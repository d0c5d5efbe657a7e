"""The administration socket: one JSON object per line in, one or more per line out.

    -> {"act": "grant.create", "arguments": {...}}
    <- {"item": {...}}                  zero or more, for acts that produce a stream
    <- {"ok": true, "result": {...}}    or {"ok": false, "error": {"reason", "message", "detail", "next", ...}}

The peer's user id is read from the socket (SO_PEERCRED); the message cannot say who it is from. The socket file is 0600
unless administrators of other users are configured, and even then the kernel's answer decides.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason

log = logging.getLogger("remit.admin")

LINE_BYTES_MAX = 8_388_608
Result = Mapping[str, Any] | AsyncIterator[Mapping[str, Any]]
# (user id of the peer, act, arguments) -> result, or an async iterator of items
CarryOut = Callable[[int, str, Mapping[str, Any]], Awaitable[Result]]


class AdminSocket:
    """Listens until `stop`. `carry_out` decides, records and acts: see `flows.administer`."""

    def __init__(self, path: Path, carry_out: CarryOut, *, others_may_connect: bool) -> None:
        self._path = path
        self._carry_out = carry_out
        self._mode = 0o666 if others_may_connect else 0o600
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)  # created closed; opened only as far as configured
        try:
            self._server = await asyncio.start_unix_server(self.converse, path=str(self._path), limit=LINE_BYTES_MAX)
        finally:
            os.umask(before)
        self._path.chmod(self._mode)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        self._path.unlink(missing_ok=True)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one peer until it leaves."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            peer = peer_uid(writer.get_extra_info("socket"))
            while line := await reader.readline():
                await self._answer(peer, line, writer)
        except (ConnectionError, ValueError, asyncio.IncompleteReadError):
            log.info("admin_connection_broken")
        finally:
            writer.close()

    async def _answer(self, peer: int, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            act, arguments = _parse(line)
            result = await self._carry_out(peer, act, arguments)
            if isinstance(result, Mapping):
                _send(writer, {"ok": True, "result": result})
            else:
                async for item in result:
                    _send(writer, {"item": item})
                    await writer.drain()
                _send(writer, {"ok": True, "result": {}})
        except Refusal as refusal:
            _send(writer, {"ok": False, "error": error_of(refusal)})
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # the last boundary: a bug in one act must not end administration
            log.exception("admin_act_failed")
            _send(writer, {"ok": False, "error": error_of(refuse(Reason.INTERNAL))})
        await writer.drain()


def _send(writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    writer.write(json.dumps(message, separators=(",", ":"), default=str).encode() + b"\n")


def _parse(line: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        message = orjson.loads(line)  # strict: no NaN, no Infinity, no half of a surrogate pair
    except orjson.JSONDecodeError:
        raise refuse(Reason.MALFORMED_JSON) from None
    act = message.get("act") if isinstance(message, dict) else None
    arguments = message.get("arguments", {}) if isinstance(message, dict) else None
    if not isinstance(act, str) or not isinstance(arguments, dict):
        raise refuse(Reason.INVALID_MESSAGE, 'expected {"act": "...", "arguments": {...}}')
    return act, arguments


def error_of(refusal: Refusal) -> dict[str, Any]:
    meaning = refusal.meaning
    return {
        "reason": refusal.reason.value,
        "kind": meaning.kind.value,
        "message": meaning.text,
        "detail": refusal.detail,
        "next": meaning.next,
        "decision_id": refusal.decision_id,
    }


def peer_uid(connection: socket.socket) -> int:
    """The connected peer's numeric user id, from the kernel."""
    if hasattr(socket, "SO_PEERCRED"):
        _, uid, _ = struct.unpack(
            "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        )
        return int(uid)
    raise OSError("peer credentials are not available on this platform")
