"""An error answer of the token endpoint and its kin."""

from __future__ import annotations


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
