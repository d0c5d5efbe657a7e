"""What became of the logins that were begun here lately, step by step, so that "it does not work" can be looked up by
the number a person reads off the page.

Strangers begin logins too. So it is kept in memory only, bounded, and theirs push out no login of somebody who signed
in. What is kept holds no code, token or password: reasons and their words, and names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from remit.core.clients import Account, Client

LOGINS_MAX: Final = 500  # of those in which somebody signed in, and as many of the others
STEPS_MAX: Final = 64
FIRST_STEPS: Final = 16  # that stay whatever comes after
DETAIL_CHARS_MAX: Final = 160
NAME_CHARS_MAX: Final = 256


class Step(StrEnum):
    BEGUN = "begun"
    REFUSED = "refused"  # a page said why
    ERROR_SENT = "error_sent"  # to the client, with the browser
    SIGN_IN_NEEDED = "sign_in_needed"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_IN = "signed_in"
    ASKED = "asked"
    AGREED = "agreed"  # and the code went to the client
    DECLINED = "declined"
    EXCHANGED = "exchanged"
    EXCHANGE_REFUSED = "exchange_refused"
    REFRESHED = "refreshed"
    REFRESH_REFUSED = "refresh_refused"


@dataclass(slots=True)
class Taken:
    """One step, or several alike in a row: `at_s` is when the first was taken, `last_at_s` the last."""

    step: Step
    at_s: float
    detail: str
    times: int = 1
    last_at_s: float = 0.0


@dataclass(slots=True)
class Login:
    """`client` and `resource` are as they were sent: anybody's word. `account` is whoever signed in, `grant` what came
    of it. `left_out` counts steps that were more than are kept."""

    id: str
    begun_at_s: float
    client: str = ""
    resource: str = ""
    account: str = ""
    grant: str = ""
    steps: list[Taken] = field(default_factory=list)
    left_out: int = 0

    def take(self, step: Step, at_s: float, detail: str) -> None:
        detail = detail[:DETAIL_CHARS_MAX]
        last = self.steps[-1] if self.steps else None
        if last is not None and (last.step, last.detail) == (step, detail):
            last.times, last.last_at_s = last.times + 1, at_s
            return
        self.steps.append(Taken(step, at_s, detail, last_at_s=at_s))
        if len(self.steps) > STEPS_MAX:
            del self.steps[FIRST_STEPS]
            self.left_out += 1


class LoginBook:
    """The logins by id. One that is not there, as after a restart, begins with the first step that is noted."""

    def __init__(self) -> None:
        self._strangers: dict[str, Login] = {}
        self._known: dict[str, Login] = {}
        self._by_grant: dict[str, str] = {}

    def __iter__(self) -> Iterator[Login]:
        """What was begun last comes first."""
        everything = (*self._strangers.values(), *self._known.values())
        return iter(sorted(everything, key=lambda login: login.begun_at_s, reverse=True))

    def find(self, id: str) -> Login | None:
        return self._known.get(id) or self._strangers.get(id)

    def of_grant(self, grant: str) -> str:
        """The login the grant came of; empty if none is remembered."""
        return self._by_grant.get(grant, "")

    def begin(self, id: str, at_s: float, parameters: Mapping[str, str]) -> None:
        client, resource = parameters.get("client_id", ""), parameters.get("resource", "")
        login = Login(id, at_s, client[:NAME_CHARS_MAX], resource[:NAME_CHARS_MAX])
        login.take(Step.BEGUN, at_s, "")
        self._strangers[id] = login
        self._forget(self._strangers)

    def note(self, id: str, step: Step, at_s: float, detail: str = "", *, account: str = "", grant: str = "") -> None:
        login = self.find(id)
        if login is None:
            login = self._strangers[id] = Login(id, at_s)
        login.take(step, at_s, detail)
        if account:
            login.account = account
            self._known[id] = self._strangers.pop(id, login)
            self._forget(self._known)
        else:
            self._forget(self._strangers)
        if grant:
            login.grant = grant
            self._by_grant[grant] = id

    def _forget(self, logins: dict[str, Login]) -> None:
        while len(logins) > LOGINS_MAX:
            gone = logins.pop(next(iter(logins)))
            self._by_grant.pop(gone.grant, None)


def concerns(
    login: Login,
    tenants: frozenset[str],
    accounts: Mapping[str, Account],
    clients: Mapping[str, Client],
    everybody: Collection[str],
) -> bool:
    """Whether an administrator of these tenants sees it: the account's tenant once somebody signed in, else one of the
    client's. What belongs to nobody is for whoever administers every tenant."""
    account, client = accounts.get(login.account), clients.get(login.client)
    if account is not None:
        return account.tenant in tenants
    if login.account or client is None:
        return tenants.issuperset(everybody)
    return bool(client.tenants & tenants)
