"""The administration API as something a token can be for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from remit.core.authentication import Acr
from remit.core.scope import Scope

# Administration is about no environment: a grant for it says so by naming none.
NO_ENVIRONMENT: Final = frozenset({""})


def nothing(account: str) -> frozenset[Scope]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class AdminAudience:
    """`url` is its resource indicator (RFC 8707) and its tokens' `aud`; empty, there is no such API. `held` says what
    an account could let a client do now. `acr` is how sure it must be who signed in to agree.
    """

    url: str = ""
    held: Callable[[str], frozenset[Scope]] = nothing
    acr: Acr = Acr.NONE

    def at_least(self, resource: str, asked: Acr) -> Acr:
        """What a sign-in has to be worth for this resource, where the client asks for `asked`."""
        return max(self.acr, asked, key=lambda acr: acr.level) if self.is_for(resource) else asked

    def is_for(self, resource: str) -> bool:
        return self.url != "" and resource == self.url
