"""What each reason means: on the wire, and to a person. One entry per reason."""

from __future__ import annotations

from typing import Final

from remit.core.reasons import RPC_DENIED, RPC_OUTAGE, RPC_UNAUTHENTICATED, Kind, Meaning, Reason

_I, _U, _D, _O = Kind.INVALID, Kind.UNAUTHENTICATED, Kind.DENIED, Kind.OUTAGE

MEANING: Final[dict[Reason, Meaning]] = {
    Reason.MALFORMED_JSON: Meaning(_I, 400, -32700, "the body is not JSON", "send one JSON-RPC 2.0 object in UTF-8"),
    Reason.INVALID_MESSAGE: Meaning(
        _I, 400, -32600, "the body is not a JSON-RPC 2.0 message", "check jsonrpc, id, method and params"
    ),
    Reason.BATCH_REFUSED: Meaning(_I, 400, -32600, "JSON-RPC batches are not accepted", "send one message per request"),
    Reason.DUPLICATE_KEY: Meaning(_I, 400, -32600, "an object repeats a key", "send each key once"),
    Reason.ODD_CASE_KEY: Meaning(
        _I,
        400,
        -32600,
        "a reserved key is spelled in another case",
        "spell jsonrpc, id, method and params in lower case",
    ),
    Reason.NUMBER_OUT_OF_RANGE: Meaning(
        _I, 400, -32600, "a number does not fit 64 bits", "send large numbers as strings"
    ),
    Reason.UNSUPPORTED_MEDIA_TYPE: Meaning(
        _I, 415, -32600, "Content-Type is not application/json", "send Content-Type: application/json"
    ),
    Reason.NOT_ACCEPTABLE: Meaning(
        _I,
        406,
        -32600,
        "Accept lacks a type this endpoint answers with",
        "accept application/json and text/event-stream",
    ),
    Reason.HEADER_MISMATCH: Meaning(
        _I, 400, -32020, "a routing header is missing or differs from the body", "mirror the body in the Mcp-* headers"
    ),
    Reason.MISSING_META: Meaning(
        _I,
        400,
        -32602,
        "a required _meta field is missing",
        "send protocolVersion and clientCapabilities in params._meta",
    ),
    Reason.UNSUPPORTED_VERSION: Meaning(
        _I, 400, -32022, "this protocol version is not served here", "use one of the versions in `supported`"
    ),
    Reason.UNKNOWN_METHOD: Meaning(_I, 404, -32601, "no such method", "see the methods of this protocol version"),
    Reason.METHOD_NOT_ALLOWED: Meaning(_I, 405, -32600, "this HTTP method is not served here", "use POST"),
    Reason.INVALID_PARAMS: Meaning(_I, 400, -32602, "params do not fit the method", "check the method's parameters"),
    Reason.INVALID_CURSOR: Meaning(
        _I, 400, -32602, "this cursor was not made for this list and grant", "start again without a cursor"
    ),
    Reason.INVALID_REQUEST_STATE: Meaning(
        _I, 400, -32602, "this requestState was not made for this request", "repeat the call without it"
    ),
    Reason.CLIENT_UNKNOWN: Meaning(
        _I, 400, -32602, "this client is not registered here", "an operator registers it, or its client_id is corrected"
    ),
    Reason.CLIENT_DOCUMENT_INVALID: Meaning(
        _I,
        400,
        -32602,
        "the client's metadata document is not one",
        "whoever runs the client corrects the document at its client_id",
    ),
    Reason.INVALID_REDIRECT: Meaning(
        _I,
        400,
        -32602,
        "this redirect URI is not accepted for the client",
        "use one that is registered, spelt exactly as it was registered",
    ),
    Reason.REQUEST_URI_INVALID: Meaning(
        _I,
        400,
        -32602,
        "this request_uri is used up, too old or not one of this client's",
        "go back to the client and begin again",
    ),
    Reason.USER_CODE_INVALID: Meaning(
        _I,
        400,
        -32602,
        "this code is not one that a device shows now",
        "look at the device again, and begin again there when it is older than ten minutes",
    ),
    Reason.INVALID_AUTHORIZATION_DETAILS: Meaning(
        _I,
        400,
        -32602,
        "authorization_details does not say what Remit understands",
        "send a JSON array of objects of type mcp_tool with known fields",
    ),
    Reason.DUPLICATE_REQUEST_ID: Meaning(
        _I, 400, -32600, "a request with this id is still in flight", "use a fresh id per request"
    ),
    Reason.SESSION_MISSING: Meaning(
        _I, 400, -32600, "Mcp-Session-Id is missing", "send the id that initialize returned"
    ),
    Reason.SESSION_UNKNOWN: Meaning(
        _I, 404, -32600, "this session is unknown, ended, or not this grant's", "send initialize again"
    ),
    Reason.BAD_HOST: Meaning(
        _I, 421, -32600, "the Host header does not name this service", "use the configured public_url"
    ),
    Reason.BAD_ORIGIN: Meaning(
        _I, 403, -32600, "this Origin is not allowed", "add it to allowed_origins if it is yours"
    ),
    Reason.UNKNOWN_PATH: Meaning(_I, 404, -32600, "nothing is served at this path", "use /mcp or /mcp/{server}"),
    Reason.NOT_FOUND: Meaning(
        _I, 404, -32602, "there is no such thing here, or it is not yours to see", "list what there is, then name it"
    ),
    Reason.CONFLICT: Meaning(
        _I, 409, -32600, "what there is has changed meanwhile, or is being changed", "look again, then decide anew"
    ),
    Reason.PASSWORD_WEAK: Meaning(_I, 400, -32600, "this password cannot be used", "choose another, of several words"),
    Reason.INVITATION_INVALID: Meaning(
        _I, 400, -32600, "this link is used up, too old or not one of ours", "ask an administrator for a new one"
    ),
    Reason.TOKEN_MISSING: Meaning(
        _U, 401, RPC_UNAUTHENTICATED, "an access token is required", "see resource_metadata in WWW-Authenticate"
    ),
    Reason.TOKEN_MALFORMED: Meaning(
        _U,
        400,
        RPC_UNAUTHENTICATED,
        "the Authorization header is not one Bearer token",
        "send Authorization: Bearer TOKEN once",
    ),
    Reason.TOKEN_INVALID: Meaning(
        _U,
        401,
        RPC_UNAUTHENTICATED,
        "the access token is not valid here",
        "get a new token from the authorization server",
    ),
    Reason.TOKEN_EXPIRED: Meaning(_U, 401, RPC_UNAUTHENTICATED, "the access token has expired", "get a new token"),
    Reason.TOKEN_EARLY: Meaning(_U, 401, RPC_UNAUTHENTICATED, "the access token is not valid yet", "check the clocks"),
    Reason.TOKEN_AUDIENCE: Meaning(
        _U, 401, RPC_UNAUTHENTICATED, "the access token is for another resource", "ask for a token with this resource"
    ),
    Reason.GRANT_UNKNOWN: Meaning(
        _U, 401, RPC_UNAUTHENTICATED, "the token's grant is not known", "ask for a new grant"
    ),
    Reason.GRANT_MISMATCH: Meaning(
        _U, 401, RPC_UNAUTHENTICATED, "the token does not fit its grant", "ask for a new grant"
    ),
    Reason.GRANT_ENDED: Meaning(_U, 401, RPC_UNAUTHENTICATED, "the grant has ended", "ask for a new grant"),
    Reason.GRANT_EXPIRED: Meaning(_U, 401, RPC_UNAUTHENTICATED, "the grant has expired", "ask for a new grant"),
    Reason.GRANT_IDLE: Meaning(
        _U, 401, RPC_UNAUTHENTICATED, "the grant ended after its idle limit", "ask for a new grant"
    ),
    Reason.SIGN_IN_FAILED: Meaning(
        _U, 401, RPC_UNAUTHENTICATED, "name or password is wrong", "try again, or ask an administrator for a new link"
    ),
    Reason.PASSKEY_INVALID: Meaning(
        _U, 401, RPC_UNAUTHENTICATED, "the passkey was not accepted", "try again, or sign in with your password"
    ),
    Reason.BUDGET_EXHAUSTED: Meaning(_D, 200, RPC_DENIED, "the grant's call budget is used up", "ask for a new grant"),
    Reason.CONTEXT_MISSING: Meaning(
        _D, 200, RPC_DENIED, "a fact the decision needs is missing", "complete the grant or the registration"
    ),
    Reason.INSUFFICIENT_SCOPE: Meaning(
        _D,
        403,
        RPC_DENIED,
        "the grant does not cover this, policy would",
        "ask for a grant with the scope in the challenge",
    ),
    Reason.OUTSIDE_GRANT: Meaning(
        _D, 200, RPC_DENIED, "the grant does not cover this", "ask for a grant whose purpose needs it"
    ),
    Reason.CONSTRAINT_FAILED: Meaning(
        _D, 200, RPC_DENIED, "an argument is outside what the grant allows", "keep to the grant's constraints"
    ),
    Reason.SERVER_UNKNOWN: Meaning(_D, 404, RPC_DENIED, "no such server for this grant", "see remit server list"),
    Reason.TOOL_UNKNOWN: Meaning(_D, 400, -32602, "unknown name for this grant", "list first, then call"),
    Reason.DEFINITION_CHANGED: Meaning(
        _D,
        200,
        RPC_DENIED,
        "the definition changed since it was trusted, so it is withheld",
        "an operator reviews it: remit server diff, remit server approve",
    ),
    Reason.NAME_AMBIGUOUS: Meaning(
        _D, 200, RPC_DENIED, "several servers have a tool of this name", "use server.tool, or /mcp/{server}"
    ),
    Reason.TENANT_MISMATCH: Meaning(
        _D, 200, RPC_DENIED, "the server belongs to another tenant", "use a grant of that tenant"
    ),
    Reason.ENVIRONMENT_MISMATCH: Meaning(
        _D,
        200,
        RPC_DENIED,
        "the server is in another environment than the grant",
        "ask for a grant in that environment",
    ),
    Reason.HIGH_RISK_REFUSED: Meaning(
        _D,
        200,
        RPC_DENIED,
        "this grant may not use high-risk tools",
        "an operator takes the tool out of high_risk, or runs it themselves: approvals come later",
    ),
    Reason.ERA_MISMATCH: Meaning(
        _D,
        400,
        -32022,
        "this server speaks another protocol era than the client",
        "use one of the versions in `supported`",
    ),
    Reason.ARGS_SCHEMA: Meaning(
        _D, 200, RPC_DENIED, "the arguments do not fit the tool's inputSchema", "correct the arguments"
    ),
    Reason.ARGS_RESERVED_KEY: Meaning(
        _D, 200, RPC_DENIED, "an argument uses a reserved key", "do not use __entity, __extn or __expr as keys"
    ),
    Reason.ARGS_PATH: Meaning(
        _D,
        200,
        RPC_DENIED,
        "a path argument is not an absolute, normal path",
        "send an absolute path with forward slashes and without ..",
    ),
    Reason.POLICY_FORBID: Meaning(
        _D, 200, RPC_DENIED, "a policy forbids this", "see remit explain with the decision id"
    ),
    Reason.POLICY_NO_PERMIT: Meaning(
        _D, 200, RPC_DENIED, "no policy permits this", "see remit explain with the decision id"
    ),
    Reason.POLICY_ERROR: Meaning(
        _D,
        200,
        RPC_DENIED,
        "a policy could not be evaluated, so the answer is no",
        "an operator runs remit policy check",
    ),
    Reason.POLICY_UNAVAILABLE: Meaning(
        _D,
        200,
        RPC_DENIED,
        "the tenant has no valid policy set, so the answer is no",
        "an operator runs remit policy check",
    ),
    Reason.ROLE_MISSING: Meaning(
        _D, 403, RPC_DENIED, "this needs an administrative role you do not hold", "ask an administrator who holds it"
    ),
    Reason.SECOND_PERSON_NEEDED: Meaning(
        _D, 403, RPC_DENIED, "whoever proposed this may not confirm it", "ask another administrator who holds the role"
    ),
    Reason.ACCOUNT_LOCKED: Meaning(
        _D, 403, RPC_DENIED, "the account is locked: too many wrong passwords", "ask an administrator for a new link"
    ),
    Reason.CLIENT_NOT_ADMITTED: Meaning(
        _D,
        403,
        RPC_DENIED,
        "this client has not been let in here",
        "ask an administrator to look at it: remit client show CLIENT_ID",
    ),
    Reason.PASSKEY_SUSPENDED: Meaning(
        _D,
        403,
        RPC_DENIED,
        "this passkey is suspended: there may be a copy of it",
        "sign in another way, remove it and add a new one; or ask an administrator: remit account recover",
    ),
    Reason.STEP_UP_REQUIRED: Meaning(
        _D,
        401,
        RPC_DENIED,
        "this needs a stronger or more recent sign-in of the person",
        "the person signs in again as the challenge says",
    ),
    Reason.LIMIT_CONCURRENCY: Meaning(
        _D, 429, RPC_DENIED, "too many calls of this grant are in flight", "wait for one to finish"
    ),
    Reason.LIMIT_RATE: Meaning(_D, 429, RPC_DENIED, "too many requests in a short time", "wait, then try again"),
    Reason.CREDENTIAL_REFUSED: Meaning(
        _D,
        200,
        RPC_DENIED,
        "the credential may not be lent for this call",
        "an operator checks the server's credential",
    ),
    Reason.ADDRESS_REFUSED: Meaning(
        _D,
        200,
        RPC_DENIED,
        "the server's address is not one Remit may dial",
        "an operator checks the server's allowed networks",
    ),
    Reason.LEDGER_UNAVAILABLE: Meaning(
        _O,
        503,
        RPC_OUTAGE,
        "the ledger cannot be written, so nothing runs",
        "an operator checks the disk: remit doctor",
    ),
    Reason.STORE_UNAVAILABLE: Meaning(
        _O, 503, RPC_OUTAGE, "the store cannot be reached", "an operator runs remit doctor"
    ),
    Reason.UPSTREAM_UNREACHABLE: Meaning(
        _O, 502, RPC_OUTAGE, "the server cannot be reached", "try again; an operator runs remit doctor"
    ),
    Reason.UPSTREAM_TIMEOUT: Meaning(
        _O, 504, RPC_OUTAGE, "the server did not answer in time", "the call may have run: check before repeating it"
    ),
    Reason.UPSTREAM_INVALID: Meaning(
        _O,
        502,
        RPC_OUTAGE,
        "the server's answer does not belong to this request",
        "the call may have run: check before repeating it",
    ),
    Reason.UPSTREAM_TOO_LARGE: Meaning(
        _O,
        502,
        RPC_OUTAGE,
        "the server's answer is larger than reply_bytes_max",
        "ask for less, or raise limits.reply_bytes_max",
    ),
    Reason.CLIENT_DOCUMENT_UNREADABLE: Meaning(
        _O,
        502,
        RPC_OUTAGE,
        "the client's metadata document cannot be read now",
        "try again in a minute; then ask whoever runs the client's website",
    ),
    Reason.CREDENTIAL_UNAVAILABLE: Meaning(
        _O, 502, RPC_OUTAGE, "the server's credential cannot be read", "an operator checks the reference: remit check"
    ),
    Reason.CLOCK_STEPPED: Meaning(
        _O,
        503,
        RPC_OUTAGE,
        "the machine's clock was set back, so no new grant is made",
        "an operator sets the clock right, or restarts Remit",
    ),
    Reason.INTERNAL: Meaning(
        _O, 500, RPC_OUTAGE, "Remit failed; nothing is assumed", "report the decision id to an operator"
    ),
}
