"""May a tool be shown? The call's own decision with the arguments unknown (Cedar's partial evaluation).

A tool is never hidden that some arguments would be allowed to call. One that every argument would be denied is hidden
as far as the engine can tell: it folds what is known, and where the rest only compares arguments with literals,
`witness` settles it.
"""

from __future__ import annotations

from typing import Any

import orjson
from cedarpy import _internal

from remit.adapters.policy.deciding import Arguments, Prepared, context_json, decide, in_order
from remit.adapters.policy.witness import candidates
from remit.core.access import Effect, UnknownArguments, Verdict
from remit.core.catalog import Item, Tool
from remit.core.policy_context import Uid

UNKNOWN_ARGUMENTS = '{"__extn":{"fn":"unknown","arg":"args"}}'


def decide_unknown(prepared: Prepared, arguments: Arguments, now_s: float, item: Item | None) -> Verdict:
    """A permit exactly when some arguments would be permitted, as far as the engine can tell. Blocking."""
    if prepared.type is None or not isinstance(arguments, UnknownArguments):
        return decide(prepared, arguments, now_s)
    try:
        answer = _partial(prepared, now_s)
    except Exception as problem:  # noqa: BLE001  a foreign engine: whatever it raises is an answer we do not have, so a deny
        return Verdict(Effect.ERROR, (), prepared.version, (f"the policy engine failed: {type(problem).__name__}",))
    found, refs = answer["diagnostics"], prepared.slice.refs
    if found.get("errors"):
        return Verdict(Effect.ERROR, (), prepared.version, ("a policy errs whatever the arguments are",))
    determining = in_order(found.get("reason", ()), refs)
    if answer["decision"] == "Allow":
        return Verdict(Effect.PERMIT, determining, prepared.version)
    if answer["decision"] == "Deny":
        return Verdict(Effect.FORBID if determining else Effect.NO_PERMIT, determining, prepared.version)
    possible = in_order(found.get("may_be_determining", ()), refs)
    tried = candidates(prepared.slice.templates, prepared.type, item.input_schema if isinstance(item, Tool) else {})
    if tried is not None and not any(decide(prepared, each, now_s).effect is Effect.PERMIT for each in tried):
        return Verdict(Effect.NO_PERMIT, (), prepared.version)
    return Verdict(Effect.PERMIT, possible, prepared.version)


def _partial(prepared: Prepared, now_s: float) -> dict[str, Any]:
    about = prepared.about
    request: dict[str, str | None] = {
        "principal": spelled(about.principal),
        "action": spelled(about.action),
        "resource": spelled(about.resource),
        "context": context_json(prepared, UNKNOWN_ARGUMENTS, now_s),
    }
    enforced = prepared.slice.enforced
    answer: dict[str, Any] = orjson.loads(_internal.is_authorized_partial(request, enforced, prepared.entities))
    return answer


_ESCAPES = {'"': '\\"', "'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


def spelled(uid: Uid) -> str:
    """An entity as Cedar text: partial evaluation takes no other form."""
    id_ = "".join(_ESCAPES.get(char) or (char if char.isprintable() else f"\\u{{{ord(char):x}}}") for char in uid[1])
    return f'{uid[0]}::"{id_}"'
