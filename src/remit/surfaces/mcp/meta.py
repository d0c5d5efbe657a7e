"""`_meta` on its way to a server (G20): the client's own words pass, what could carry data out or pose as Remit does
not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from remit.core.catalog import Era
from remit.wire.revisions import CONNECTION_META, META_CAPABILITIES, META_RELATED_TASK, TASKS_EXTENSION, without_tasks

# W3C Trace Context, Level 1: version 00 has exactly this form, and all zeros name nothing.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")
_TRACESTATE: Final = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}\Z")
_TRACE: Final = frozenset({"traceparent", "tracestate", "baggage"})
_OURS: Final = "io.remit/"
_MODERN_USUAL: Final = (CONNECTION_META - {META_RELATED_TASK}) | {"progressToken", "io.modelcontextprotocol/logLevel"}
_LEGACY_USUAL: Final = frozenset({"progressToken"})


def trace_of(meta: Mapping[str, Any]) -> str:
    """The traceparent if it is valid, for the record."""
    found = meta.get("traceparent")
    return found if isinstance(found, str) and _TRACEPARENT.match(found) else ""


def outgoing(params: dict[str, Any], era: Era) -> dict[str, Any]:
    """The params with a `_meta` that may leave. W3C baggage never does: it goes to whoever the server calls next.
    Returns the same object when there is nothing to change.
    """
    meta = params.get("_meta")
    if type(meta) is not dict:
        return params
    usual = _MODERN_USUAL if era is Era.MODERN else _LEGACY_USUAL
    capabilities = meta.get(META_CAPABILITIES) if era is Era.MODERN else None
    tasks = isinstance(capabilities, dict) and _names_tasks(capabilities)
    if not tasks and usual.issuperset(meta):
        return params
    kept = {key: value for key, value in meta.items() if key in usual or _passes(key, era)}
    kept |= _trace(meta)
    if isinstance(capabilities, dict) and tasks:
        kept[META_CAPABILITIES] = without_tasks(capabilities)
    return {**params, "_meta": kept}


def _passes(key: str, era: Era) -> bool:
    if key in _TRACE or key.startswith(_OURS) or key == META_RELATED_TASK:
        return False
    return era is Era.MODERN or key not in CONNECTION_META


def _trace(meta: Mapping[str, Any]) -> dict[str, str]:
    kept: dict[str, str] = {}
    parent = trace_of(meta)
    if parent:
        kept["traceparent"] = parent
        state = meta.get("tracestate")
        if (
            isinstance(state, str)
            and len(state) <= 512
            and all(_TRACESTATE.match(member.strip()) for member in state.split(","))
        ):
            kept["tracestate"] = state
    return kept


def _names_tasks(capabilities: Mapping[str, Any]) -> bool:
    extensions = capabilities.get("extensions")
    return "tasks" in capabilities or (type(extensions) is dict and TASKS_EXTENSION in extensions)
