"""What a server's process writes to stderr: kept for operators, bounded, never shown to a principal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from remit.adapters.upstream.world import log
from remit.core.lease import Credential

LINES_KEPT = 50
LINE_BYTES_MAX = 512
LOGGED_PER_WINDOW = 10
WINDOW_S = 10.0


class StderrTail:
    """The last lines, the process's own secrets struck out. Logs a few per window, then how many it left out."""

    def __init__(self, server: str, credential: Credential, monotonic_s: Callable[[], float]) -> None:
        self._server = server
        self._secrets = [secret.expose() for _, secret in credential.environment if len(secret.expose()) >= 4]
        self._monotonic_s = monotonic_s
        self._rest = b""
        self._window_ends_s = 0.0
        self._logged = 0
        self._left_out = 0
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > 8 * LINE_BYTES_MAX:  # a line without an end is taken as it is
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._line(line)

    def _line(self, line: bytes) -> None:
        for secret in self._secrets:
            line = line.replace(secret, b"<secret>")
        text = line[:LINE_BYTES_MAX].decode("utf-8", "replace").strip()
        if not text:
            return
        self.lines.append(text)
        now_s = self._monotonic_s()
        if now_s >= self._window_ends_s:
            if self._left_out:
                log.info("server_stderr_left_out", extra={"server": self._server, "lines": self._left_out})
            self._window_ends_s, self._logged, self._left_out = now_s + WINDOW_S, 0, 0
        if self._logged < LOGGED_PER_WINDOW:
            self._logged += 1
            log.info("server_stderr", extra={"server": self._server, "line": text})
        else:
            self._left_out += 1
