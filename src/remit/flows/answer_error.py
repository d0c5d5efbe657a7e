"""An error answer of the authorization endpoint."""

from __future__ import annotations


class AnswerError(Exception):
    """An error for the client: the browser is sent to `url`, which says `error` there (RFC 6749 section 4.1.2.1)."""

    def __init__(self, url: str, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.url = url
        self.error = error
        self.description = description
