"""What a refusal looks like to a client: never a denial that reads like an outage, nor the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from remit.core.access import DeniedByPolicy
from remit.core.catalog import Era
from remit.core.errors import Refusal
from remit.core.ledger import policies_of
from remit.core.reasons import DECISION, OUTAGE, Kind, Reason
from remit.surfaces.mcp.exchange import PRIVATE
from remit.surfaces.mcp.place import Place, challenge
from remit.surfaces.mcp.visit import Visit
from remit.wire import jsonrpc

# Legacy clients read a status other than 200 as a failure of the transport: only what is about the message's
# envelope, the session, the token or the whole endpoint keeps its status there.
_LEGACY_STATUS: Final = frozenset(
    {
        Reason.MALFORMED_JSON,
        Reason.INVALID_MESSAGE,
        Reason.BATCH_REFUSED,
        Reason.DUPLICATE_KEY,
        Reason.ODD_CASE_KEY,
        Reason.NUMBER_OUT_OF_RANGE,
        Reason.UNSUPPORTED_MEDIA_TYPE,
        Reason.NOT_ACCEPTABLE,
        Reason.HEADER_MISMATCH,
        Reason.UNSUPPORTED_VERSION,
        Reason.METHOD_NOT_ALLOWED,
        Reason.DUPLICATE_REQUEST_ID,
        Reason.SESSION_MISSING,
        Reason.SESSION_UNKNOWN,
        Reason.BAD_HOST,
        Reason.BAD_ORIGIN,
        Reason.UNKNOWN_PATH,
        Reason.SERVER_UNKNOWN,
        Reason.ERA_MISMATCH,
        Reason.INSUFFICIENT_SCOPE,
        Reason.STEP_UP_REQUIRED,
    }
)
# What a client can mend by asking the authorization server for more.
_STEP_UP: Final = frozenset({Reason.INSUFFICIENT_SCOPE, Reason.STEP_UP_REQUIRED})
# Their `data` has a schema of its own in the specification.
_SPECIFIED_DATA: Final = frozenset({Reason.UNSUPPORTED_VERSION, Reason.ERA_MISMATCH})
# The error of RFC 6750 section 3.1; a request without a token gets none.
_BEARER_ERROR: Final = {Reason.TOKEN_MISSING: "", Reason.TOKEN_MALFORMED: "invalid_request"}


class Answer(NamedTuple):
    """`member` and `value` are the JSON-RPC half, for a stream; `status` and `headers` the HTTP half, for a whole
    reply.
    """

    status: int
    member: str
    value: bytes
    headers: tuple[tuple[bytes, bytes], ...] = PRIVATE


def refusal_answer(refusal: Refusal, era: Era, place: Place | None, visit: Visit | None = None) -> Answer:
    """`place` and `visit` are as far as the request got before it was refused."""
    meaning = refusal.meaning
    method, version, asked = (
        (visit.method, visit.version, visit.id != b"null") if visit is not None else ("", "", False)
    )
    status = meaning.http_status
    headers = PRIVATE
    if refusal.kind is Kind.UNAUTHENTICATED or refusal.reason in _STEP_UP:
        headers = (*PRIVATE, *_challenge(refusal, place))
    elif refusal.reason is Reason.METHOD_NOT_ALLOWED:
        headers = (*PRIVATE, (b"allow", b"POST" if era is Era.MODERN else b"GET, POST, DELETE"))
    elif (
        refusal.kind is Kind.DENIED
        and method == "tools/call"
        and status == 200
        and refusal.reason is not Reason.TOOL_UNKNOWN
    ):
        return Answer(200, "result", _denied_call(refusal, era))
    elif era is Era.LEGACY and asked and refusal.reason not in _LEGACY_STATUS:
        status = 200
    elif status == 200 and not asked:
        status = 403
    if refusal.reason is Reason.TOOL_UNKNOWN:
        # A name nobody has is answered as servers answer it, so that a client sees no difference.
        text, code = _unknown(refusal, method), -32602
        return Answer(
            400 if era is Era.MODERN else 200,
            "error",
            jsonrpc.error_value(code, text, _data(refusal, version)),
            headers,
        )
    text = f"{meaning.text}: {refusal.detail}" if refusal.detail else meaning.text
    return Answer(status, "error", jsonrpc.error_value(meaning.rpc_code, text, _data(refusal, version)), headers)


def _challenge(refusal: Refusal, place: Place | None) -> tuple[tuple[bytes, bytes], ...]:
    if place is None:
        return ()
    if refusal.reason is Reason.INSUFFICIENT_SCOPE:
        scope = str((refusal.data or {}).get("scope", ""))
        value = challenge(place, error="insufficient_scope", scope=scope, description=refusal.meaning.text)
    elif refusal.reason is Reason.STEP_UP_REQUIRED:
        error, wanted = "insufficient_user_authentication", refusal.data or {}
        value = challenge(place, error=error, description=refusal.meaning.text, sign_in=wanted)
    else:
        error = _BEARER_ERROR.get(refusal.reason, "invalid_token")
        value = challenge(place, error=error, description=refusal.meaning.text if error else "")
    return ((b"www-authenticate", value),)


def _unknown(refusal: Refusal, method: str) -> str:
    name = refusal.detail.partition("/")[2] or refusal.detail
    return f"Unknown {'prompt' if method == 'prompts/get' else 'tool'}: {name}"


def _data(refusal: Refusal, version: str) -> Mapping[str, Any]:
    given = dict(refusal.data or {})
    if refusal.reason in _SPECIFIED_DATA:
        return {"requested": version} | given
    match refusal.kind:
        case Kind.DENIED:
            return given | {DECISION: decision_of(refusal)}
        case Kind.OUTAGE:
            return given | {
                OUTAGE: {
                    "decision_id": refusal.decision_id,
                    "reason": refusal.reason.value,
                    "next": refusal.meaning.next,
                }
            }
        case Kind.INVALID | Kind.UNAUTHENTICATED:
            return given | {"reason": refusal.reason.value, "next": refusal.meaning.next}


def decision_of(refusal: Refusal) -> dict[str, Any]:
    """The machine's half of a denial. `url` stays null until a console can show the decision."""
    policies: list[str] = []
    near: dict[str, Any] | None = None
    if isinstance(refusal, DeniedByPolicy):
        policies = policies_of(refusal.verdict.determining)
        if refusal.near_miss is not None:
            near = {"policy": str(refusal.near_miss.policy), "failed": list(refusal.near_miss.failed)}
    return {
        "decision_id": refusal.decision_id,
        "reason": refusal.reason.value,
        "policy": policies,
        "near_miss": near,
        "next": refusal.meaning.next,
        "url": None,
    }


def _denied_call(refusal: Refusal, era: Era) -> bytes:
    """A result that a model can read and act on, with the same as data for the client."""
    meaning, decision = refusal.meaning, {DECISION: decision_of(refusal)}
    detail = f" ({refusal.detail})" if refusal.detail else ""
    text = (
        f"Denied: {meaning.text}{detail}. What to do: {meaning.next}. "
        f"Decision {refusal.decision_id}, reason {refusal.reason.value}."
    )
    result: dict[str, Any] = {
        "content": [{"type": "text", "text": text}],
        "isError": True,
        "structuredContent": decision,
        "_meta": decision,
    }
    if era is Era.MODERN:
        result["resultType"] = "complete"
    return orjson.dumps(result)
