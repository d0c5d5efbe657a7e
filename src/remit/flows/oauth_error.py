"""An error answer of the token endpoint and its kin."""

from __future__ import annotations

from typing import Final

from remit.core.errors import Refusal
from remit.core.reasons import Kind, Reason


class OAuthError(Exception):
    """An error answer of RFC 6749 section 5.2. `basic` adds a `WWW-Authenticate`, `wait_s` a `Retry-After` header."""

    def __init__(
        self, error: str, description: str, *, status: int = 400, basic: bool = False, wait_s: float = 0.0
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.basic = basic
        self.wait_s = wait_s


_ERROR: Final[dict[Reason, str]] = {
    Reason.OUTSIDE_GRANT: "invalid_scope",
    Reason.SERVER_UNKNOWN: "invalid_target",
    Reason.GRANT_ENDED: "invalid_grant",
    Reason.GRANT_EXPIRED: "invalid_grant",
    Reason.BUDGET_EXHAUSTED: "invalid_grant",
}


def as_oauth(refusal: Refusal) -> OAuthError:
    """An outage says no more than that it is one; a refusal that no error code fits is the registration's fault."""
    if refusal.kind is Kind.OUTAGE:
        return OAuthError("temporarily_unavailable", refusal.meaning.text, status=503, wait_s=1.0)
    return OAuthError(_ERROR.get(refusal.reason, "unauthorized_client"), refusal.detail or refusal.meaning.text)
