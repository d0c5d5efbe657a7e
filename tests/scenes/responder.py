"""The other side of one HTTP exchange: what a client would have received so far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(slots=True)
class FakeResponder:
    """Answers once, whole or as a stream, like the real one. `progressed` wakes a test at each step."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    frames: list[bytes] = field(default_factory=list)
    streaming: bool = False
    ended: bool = False
    detached: bool = False
    progressed: asyncio.Event = field(default_factory=asyncio.Event)

    def detach(self) -> None:
        self.detached = True

    def whole(
        self,
        status: int,
        body: bytes,
        headers: Sequence[tuple[bytes, bytes]] = (),
        content_type: bytes = b"application/json",
    ) -> None:
        self._once()
        self.status, self.body, self.ended = status, body, True
        self.headers = {b"content-type": content_type} | dict(headers)
        self.progressed.set()

    def begin_stream(self, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._once()
        self.status, self.streaming = 200, True
        self.headers = {b"content-type": b"text/event-stream"} | dict(headers)
        self.progressed.set()

    async def send(self, data: bytes) -> None:
        if not self.streaming or self.ended:
            raise RuntimeError("send needs an open stream")
        self.frames.append(data)
        self.progressed.set()

    def end_stream(self) -> None:
        if not self.streaming or self.ended:
            raise RuntimeError("end_stream needs an open stream")
        self.ended = True
        self.progressed.set()

    def _once(self) -> None:
        if self.status:
            raise RuntimeError("a request is answered once")

    @property
    def json(self) -> Any:
        """The one message of a whole answer, or the last one of a stream."""
        return orjson.loads(self.body) if not self.streaming else self.messages[-1]

    @property
    def messages(self) -> list[Any]:
        """The JSON-RPC messages of a stream so far; priming events carry none."""
        lines = [line for frame in self.frames for line in frame.split(b"\n") if line.startswith(b"data: ")]
        return [orjson.loads(line[6:]) for line in lines if line != b"data: "]

    async def until(self, frames: int) -> None:
        """Wait until so many frames have been sent."""
        while len(self.frames) < frames:
            self.progressed.clear()
            await self.progressed.wait()
