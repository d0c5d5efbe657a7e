"""The CLI's end of the administration socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from remit.cli.output import CommandFailed, Exit
from remit.cli.terminal import cause
from remit.core.reasons import Reason

_CODES = {"denied": Exit.DENIED, "unauthenticated": Exit.DENIED, "invalid": Exit.USAGE, "outage": Exit.UNREACHABLE}


class NoRemit(CommandFailed):
    """No Remit runs for this configuration."""


class Proposed(Exception):
    """The act was not carried out: it waits until another administrator confirms it."""

    def __init__(self, proposals: list[dict[str, Any]]) -> None:
        super().__init__()
        self.proposals = proposals


class Administration:
    """One connection to a running Remit, or to one that runs for this command alone: then `close` ends it. Raises
    `CommandFailed` with what was said."""

    def __init__(self, connection: socket.socket, close: Callable[[], None], *, alone: bool = False) -> None:
        self.alone = alone
        self._socket = connection
        self._close = close
        self._file = connection.makefile("rb")

    @classmethod
    def at(cls, path: Path, timeout_s: float | None = 60.0) -> Administration:
        """Raises `NoRemit` when nobody listens there."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
        except OSError as problem:
            connection.close()
            raise _unconnected(path, problem) from None
        return cls(connection, connection.close)

    def act(self, act: str, arguments: Mapping[str, Any] | None = None, *, advice: str = "") -> dict[str, Any]:
        """Carry out an act that has one result. `advice`: what to do if it is refused for what was asked. Raises
        `Proposed` where it waits for a second person.
        """
        try:
            for message in self._exchange(act, arguments or {}):
                if "ok" in message:
                    result: dict[str, Any] = message["result"]
                    if "proposal" in result and not act.startswith("proposal."):
                        raise Proposed([result["proposal"]])
                    return result
        except CommandFailed as failure:
            if advice and failure.code in (Exit.USAGE, Exit.DENIED) and failure.reason != Reason.ROLE_MISSING:
                failure.next_step = advice
            raise
        raise CommandFailed(Exit.UNREACHABLE, "Remit closed the connection before answering")

    def items(self, act: str, arguments: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Carry out an act that produces a stream."""
        for message in self._exchange(act, arguments or {}):
            if "item" in message:
                yield message["item"]

    def _exchange(self, act: str, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for line in self._answered(_request(act, arguments)):
            message: dict[str, Any] = json.loads(line)
            if message.get("ok") is False:
                raise _refused(message["error"])
            yield message
            if "ok" in message:
                return

    def _answered(self, request: bytes) -> Iterator[bytes]:
        try:
            self._socket.sendall(request)
            for line in self._file:  # noqa: UP028  yield from would close the file with the generator
                yield line
        except OSError as problem:
            raise CommandFailed(
                Exit.UNREACHABLE,
                "the running Remit stopped answering",
                detail=cause(problem),
                next_step="remit doctor",
                reason="unreachable",
            ) from None

    def __enter__(self) -> Administration:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
        self._close()


def _request(act: str, arguments: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps({"act": act, "arguments": arguments}, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError as problem:
        found = str(problem.object)[max(problem.start - 20, 0) : problem.end]
        raise CommandFailed(
            Exit.USAGE, f"expected UTF-8 text, found …{found!r}", next_step="set the terminal to UTF-8", reason="usage"
        ) from None


def _refused(error: Mapping[str, Any]) -> CommandFailed:
    said = error["message"], error["detail"], error["next"]
    if error["reason"] in (Reason.INVALID_PARAMS, Reason.NOT_FOUND) and error["detail"]:
        said = error["detail"], "", ""  # the rest speaks of a protocol's params, to somebody who typed a command
    message, detail, next_step = said
    return CommandFailed(
        _CODES.get(error["kind"], Exit.INTERNAL),
        message,
        detail=detail,
        next_step=next_step,
        reason=error["reason"],
        decision_id=error.get("decision_id") or "",
    )


def _unconnected(path: Path, problem: OSError) -> CommandFailed:
    if isinstance(problem, PermissionError):
        return CommandFailed(
            Exit.DENIED,
            "this user may not open the administration socket",
            detail=str(path),
            next_step="run as the service's user, or be added to administrators",
        )
    return NoRemit(
        Exit.UNREACHABLE,
        "no running Remit for this configuration",
        detail=f"looked for {path}: {cause(problem)}",
        next_step="start it: remit serve",
    )
