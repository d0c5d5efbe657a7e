"""The demo's client: the official Python SDK, unmodified, with a bearer token and nothing else of Remit's."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from remit.core.reasons import DECISION

CALL_S_MAX = 60.0
SDK_VERSION = importlib.metadata.version("mcp")

logging.getLogger("mcp").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client got: the tool's text, Remit's decision, or another error. `decision` is empty unless it came."""

    text: str
    failed: bool
    decision: Mapping[str, Any]


async def call(
    url: str, token: str, tool: str, arguments: dict[str, Any], *, started: asyncio.Event | None = None
) -> Answer:
    """Connect, call one tool, disconnect. `started` is set at the first progress message."""

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        if started is not None:
            started.set()

    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=CALL_S_MAX, trust_env=False) as http:
        try:
            async with Client(streamable_http_client(url, http_client=http), read_timeout_seconds=CALL_S_MAX) as client:
                result = await client.call_tool(tool, arguments, progress_callback=progressed)
        except MCPError as error:
            return Answer(error.message, failed=True, decision=_decision(error.data))
        except ExceptionGroup as group:
            found = _refusal(group)
            if found is None:
                raise
            return Answer(found.message, failed=True, decision=_decision(found.data))
    text = " ".join(getattr(block, "text", "") for block in result.content)
    decision = _decision(result.meta) or _decision(result.structured_content)
    return Answer(text, failed=bool(result.is_error), decision=decision)


def _refusal(group: BaseExceptionGroup[BaseException]) -> MCPError | None:
    """The SDK's task group wraps what the server said."""
    for error in group.exceptions:
        found = _refusal(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, MCPError):
            return found
    return None


def _decision(place: object) -> Mapping[str, Any]:
    found = place.get(DECISION) if isinstance(place, Mapping) else None
    return found if isinstance(found, Mapping) else {}
