"""The envelope around a server's `requestState`: it comes back only with the request it was given to (G18)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from remit.core.errors import refuse
from remit.core.reasons import Reason

PURPOSE: Final = "request-state"
STATE_BYTES_MAX: Final = 65_536
# A retry may differ in these and in nothing else.
_MAY_DIFFER: Final = frozenset({"_meta", "inputResponses", "requestState"})


def wrap(state: str, expires_at_s: int) -> bytes:
    """Raises `Outage` if the server's state is longer than a client can be asked to carry."""
    if len(state) > STATE_BYTES_MAX:
        raise refuse(Reason.UPSTREAM_TOO_LARGE, f"requestState is longer than {STATE_BYTES_MAX} characters")
    return json.dumps([expires_at_s, state]).encode("ascii")


def unwrap(content: bytes, now_s: float) -> str:
    expires_at_s, state = json.loads(content)
    if now_s >= expires_at_s:
        raise refuse(Reason.INVALID_REQUEST_STATE, "it has expired")
    return str(state)


def bound_to(
    parties: tuple[str, str, str],
    method: str,
    params: Mapping[str, Any],
    canonical: Callable[[Mapping[str, Any]], bytes],
) -> bytes:
    """`parties` are the grant, the endpoint's resource and the server; then the method and what a retry must repeat of
    the params.
    """
    asked = {key: value for key, value in params.items() if key not in _MAY_DIFFER}
    digest = hashlib.sha256(canonical(asked)).hexdigest()
    return "\n".join((*parties, method, digest)).encode("utf-8")
