"""The administration API as something a token can be for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from remit.core.administration import RESERVED
from remit.core.authentication import Acr
from remit.core.errors import refuse
from remit.core.grant import Calls
from remit.core.purposes import PurposeClass
from remit.core.reasons import Reason
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

    def require_proper(self, resource: str, *, agreed_to: bool) -> None:
        """Raises `Denied` for a grant that nobody agreed to, or for a client that nobody looked at."""
        if self.is_for(resource) and not agreed_to:
            raise refuse(Reason.OUTSIDE_GRANT, "only an administrator lets a registered client administer")

    def require_kept(self, resource: str, purpose: PurposeClass) -> None:
        """Raises `Denied` for a purpose that promises the person what nothing here would keep."""
        limited = isinstance(purpose.budget, Calls) or any(each.tool.server == RESERVED for each in purpose.constraints)
        if self.is_for(resource) and limited:
            found = f"{purpose.name!r} limits calls or arguments; acts of administration are not limited like that"
            raise refuse(Reason.OUTSIDE_GRANT, f"purpose: {found}")
