"""Every reason Remit can give for not doing something: one table, stable codes, safe texts.

A reason's `kind` keeps the four ways of refusing apart, because a person acts differently on each: INVALID (the message
is wrong), UNAUTHENTICATED (who are you), DENIED (you may not) and OUTAGE (Remit or a server cannot answer now).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    DENIED = "denied"
    OUTAGE = "outage"


class Reason(StrEnum):
    # INVALID: the message itself
    MALFORMED_JSON = "malformed_json"
    INVALID_MESSAGE = "invalid_message"
    BATCH_REFUSED = "batch_refused"
    DUPLICATE_KEY = "duplicate_key"
    ODD_CASE_KEY = "odd_case_key"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    NOT_ACCEPTABLE = "not_acceptable"
    HEADER_MISMATCH = "header_mismatch"
    MISSING_META = "missing_meta"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_METHOD = "unknown_method"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    INVALID_PARAMS = "invalid_params"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_REQUEST_STATE = "invalid_request_state"
    CLIENT_UNKNOWN = "client_unknown"
    CLIENT_DOCUMENT_INVALID = "client_document_invalid"
    INVALID_REDIRECT = "invalid_redirect"
    REQUEST_URI_INVALID = "request_uri_invalid"
    USER_CODE_INVALID = "user_code_invalid"
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details"
    DUPLICATE_REQUEST_ID = "duplicate_request_id"
    SESSION_MISSING = "session_missing"
    SESSION_UNKNOWN = "session_unknown"
    BAD_HOST = "bad_host"
    BAD_ORIGIN = "bad_origin"
    UNKNOWN_PATH = "unknown_path"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    PASSWORD_WEAK = "password_weak"
    INVITATION_INVALID = "invitation_invalid"
    # UNAUTHENTICATED
    TOKEN_MISSING = "token_missing"
    TOKEN_MALFORMED = "token_malformed"
    TOKEN_INVALID = "token_invalid"
    TOKEN_EXPIRED = "token_expired"
    TOKEN_EARLY = "token_early"
    TOKEN_AUDIENCE = "token_audience"
    GRANT_UNKNOWN = "grant_unknown"
    GRANT_MISMATCH = "grant_mismatch"
    GRANT_ENDED = "grant_ended"
    GRANT_EXPIRED = "grant_expired"
    GRANT_IDLE = "grant_idle"
    SIGN_IN_FAILED = "sign_in_failed"
    PASSKEY_INVALID = "passkey_invalid"
    # DENIED
    BUDGET_EXHAUSTED = "budget_exhausted"
    CONTEXT_MISSING = "context_missing"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    OUTSIDE_GRANT = "outside_grant"
    CONSTRAINT_FAILED = "constraint_failed"
    SERVER_UNKNOWN = "server_unknown"
    TOOL_UNKNOWN = "tool_unknown"
    DEFINITION_CHANGED = "definition_changed"
    NAME_AMBIGUOUS = "name_ambiguous"
    TENANT_MISMATCH = "tenant_mismatch"
    ENVIRONMENT_MISMATCH = "environment_mismatch"
    HIGH_RISK_REFUSED = "high_risk_refused"
    ERA_MISMATCH = "era_mismatch"
    ARGS_SCHEMA = "args_schema"
    ARGS_RESERVED_KEY = "args_reserved_key"
    ARGS_PATH = "args_path"
    POLICY_FORBID = "policy_forbid"
    POLICY_NO_PERMIT = "policy_no_permit"
    POLICY_ERROR = "policy_error"
    POLICY_UNAVAILABLE = "policy_unavailable"
    ROLE_MISSING = "role_missing"
    SECOND_PERSON_NEEDED = "second_person_needed"
    ACCOUNT_LOCKED = "account_locked"
    CLIENT_NOT_ADMITTED = "client_not_admitted"
    PASSKEY_SUSPENDED = "passkey_suspended"
    STEP_UP_REQUIRED = "step_up_required"
    LIMIT_CONCURRENCY = "limit_concurrency"
    LIMIT_RATE = "limit_rate"
    CREDENTIAL_REFUSED = "credential_refused"
    ADDRESS_REFUSED = "address_refused"
    # OUTAGE
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    STORE_UNAVAILABLE = "store_unavailable"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_INVALID = "upstream_invalid"
    UPSTREAM_TOO_LARGE = "upstream_too_large"
    CLIENT_DOCUMENT_UNREADABLE = "client_document_unreadable"
    CREDENTIAL_UNAVAILABLE = "credential_unavailable"
    CLOCK_STEPPED = "clock_stepped"
    INTERNAL = "internal"


class Meaning(NamedTuple):
    """What a reason is on the wire and to a person. `http_status` and `rpc_code` are those of the modern era."""

    kind: Kind
    http_status: int
    rpc_code: int
    text: str
    next: str


# JSON-RPC: -32700 parse, -32600 invalid request, -32601 method, -32602 params; MCP 2026-07-28: -32020 header, -32022
# version. Ours lie outside -32768..-32000, which JSON-RPC reserves.
RPC_DENIED = -31001
RPC_UNAUTHENTICATED = -31002
RPC_OUTAGE = -31003

# Where the machine's half of a denial and of an outage stands: a result's `_meta` and `structuredContent`, an error's
# `data`. Two names, so that neither is ever taken for the other.
DECISION: Final = "io.remit/decision"
OUTAGE: Final = "io.remit/outage"
