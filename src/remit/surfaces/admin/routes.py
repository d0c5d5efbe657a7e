"""Method and path of every act that the administration API carries out: the one table its OpenAPI is made of too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from remit.core.administration import RULES, Act
from remit.core.proposal import NEVER_WAITS
from remit.surfaces.admin import bodies, shapes

PARAMETER_CHARS_MAX: Final = 256
OK: Final = 200
CREATED: Final = 201
PROPOSED: Final = 202


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is the act as the socket knows it too, `act` what is decided. What stands in braces in `path` is an
    argument. With `retried` the request may carry an Idempotency-Key.
    """

    method: str
    path: str
    name: str
    act: Act
    answer: type[shapes.Answer] | type[shapes.Story]
    query: type[bodies.Asked] | None = None
    body: type[bodies.Asked] | None = None
    status: int = OK
    retried: bool = False

    @property
    def may_wait(self) -> bool:
        """Whether it may be one that waits for a second person."""
        return RULES[self.act].changes and self.act not in NEVER_WAITS

    @property
    def parameters(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


ROUTES: Final = (
    Route("GET", "/v1/status", "status", Act.STATUS, shapes.Status),
    Route("GET", "/v1/grants", "grant.list", Act.GRANT_LIST, shapes.Grants, query=bodies.GrantsChosen),
    Route(
        "POST", "/v1/grants", "grant.create", Act.GRANT_CREATE, shapes.GrantMade, body=bodies.GrantWanted,
        status=CREATED, retried=True,
    ),
    Route("POST", "/v1/grants/{grant}/end", "grant.end", Act.GRANT_END, shapes.Ended),
    Route("POST", "/v1/revocations", "revoke", Act.REVOKE, shapes.Ended, body=bodies.Revocation),
    Route("GET", "/v1/consents", "consent.list", Act.CONSENT_LIST, shapes.Consents, query=bodies.OfWhom),
    Route("POST", "/v1/consents/{consent}/end", "consent.end", Act.CONSENT_END, shapes.ConsentEnded),
    Route("GET", "/v1/consent-rules", "consent.rules", Act.CONSENT_RULES, shapes.Rules),
    Route(
        "POST", "/v1/consent-rules/approvals", "consent.approve", Act.CONSENT_APPROVE, shapes.RuleMade,
        body=bodies.ConsentRuleWanted, status=CREATED,
    ),
    Route(
        "POST", "/v1/consent-rules/prohibitions", "consent.forbid", Act.CONSENT_FORBID, shapes.Forbidden,
        body=bodies.Prohibition, status=CREATED,
    ),
    Route("POST", "/v1/consent-rules/{rule}/end", "consent.drop", Act.CONSENT_DROP, shapes.RuleMade),
    Route("GET", "/v1/logins", "login.list", Act.LOGIN_LIST, shapes.Logins, query=bodies.OfWhom),
    Route("GET", "/v1/logins/{login}", "login.trace", Act.LOGIN_TRACE, shapes.LoginTraced),
    Route("GET", "/v1/clients", "client.list", Act.CLIENT_LIST, shapes.Clients),
    Route("POST", "/v1/clients/readings", "client.show", Act.CLIENT_SHOW, shapes.ClientShown, body=bodies.ClientChosen),
    Route(
        "POST", "/v1/clients/admissions", "client.admit", Act.CLIENT_ADMIT, shapes.ClientAdmitted,
        body=bodies.Admission,
    ),
    Route("POST", "/v1/clients/refusals", "client.refuse", Act.CLIENT_REFUSE, shapes.Ended, body=bodies.ClientChosen),
    Route("GET", "/v1/servers", "server.list", Act.SERVER_LIST, shapes.Servers),
    Route("GET", "/v1/servers/{server}/changes", "server.diff", Act.SERVER_DIFF, shapes.Changes),
    Route(
        "POST", "/v1/servers/{server}/approvals", "server.approve", Act.SERVER_APPROVE, shapes.Approved,
        body=bodies.Approval,
    ),
    Route("GET", "/v1/policies", "policy.check", Act.POLICY_CHECK, shapes.Policies),
    Route("POST", "/v1/policies/reload", "policy.reload", Act.POLICY_RELOAD, shapes.Reloaded),
    Route("GET", "/v1/records", "audit.page", Act.AUDIT_READ, shapes.Records, query=bodies.RecordsChosen),
    Route("GET", "/v1/records/head", "audit.head", Act.AUDIT_READ, shapes.Head),
    Route("GET", "/v1/decisions/{decision_id}", "explain", Act.EXPLAIN, shapes.Story),
    Route(
        "POST", "/v1/decisions/{decision_id}/proof", "audit.prove", Act.AUDIT_PROVE, shapes.Proof,
        body=bodies.Supposed,
    ),
    Route("POST", "/v1/decisions/{decision_id}/erasure", "audit.erase", Act.AUDIT_ERASE, shapes.Erased),
    Route(
        "POST", "/v1/accounts/{account}/invitations", "account.invite", Act.ACCOUNT_INVITE, shapes.Invited,
        status=CREATED,
    ),
    Route(
        "POST", "/v1/accounts/{account}/recoveries", "account.recover", Act.ACCOUNT_RECOVER, shapes.Invited,
        status=CREATED,
    ),
    Route("GET", "/v1/administrators", "administrator.list", Act.ADMINISTRATOR_LIST, shapes.Administrators),
    Route(
        "POST", "/v1/delegations", "administrator.delegate", Act.ADMINISTRATOR_DELEGATE, shapes.Delegated,
        body=bodies.DelegationWanted, status=CREATED,
    ),
    Route(
        "POST", "/v1/delegations/{delegation}/end", "administrator.undelegate", Act.ADMINISTRATOR_UNDELEGATE,
        shapes.Undelegated,
    ),
    Route("GET", "/v1/proposals", "proposal.list", Act.PROPOSAL_LIST, shapes.Proposals),
    Route(
        "POST", "/v1/proposals/{proposal}/confirm", "proposal.confirm", Act.PROPOSAL_CONFIRM, shapes.Confirmed,
        body=bodies.Confirmation,
    ),
    Route("POST", "/v1/proposals/{proposal}/withdraw", "proposal.withdraw", Act.PROPOSAL_WITHDRAW, shapes.Withdrawn),
)  # fmt: skip

# The acts that are carried out at the socket alone, and why.
SOCKET_ONLY: Final = {
    "account.first": "before the first person has signed in nobody has let a client do anything",
    "audit.tail": "it follows the ledger without end; over HTTP `GET /v1/records` gives pages",
    "audit.export": "it is one stream of the whole ledger; over HTTP `GET /v1/records` gives pages",
    "key.rotate": "the keys are the machine's: what was stolen from a client must not change what signs tokens",
}


@dataclass(frozen=True, slots=True)
class Found:
    """The routes of one path, by method, and the arguments that stand in it."""

    routes: Mapping[str, Route]
    arguments: Mapping[str, str]


class Paths:
    """Finds routes by the raw path. Segments are compared as bytes; only a parameter is decoded, once, after that."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES) -> None:
        self._by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            self._by_path.setdefault(route.path, {})[route.method] = route

    def find(self, path: bytes) -> Found | None:
        """None: nothing is served there. A fixed segment goes before a parameter."""
        found = list(self._fitting(path.split(b"/")))
        return min(found, key=lambda fit: len(fit.arguments), default=None)

    def _fitting(self, parts: list[bytes]) -> Iterator[Found]:
        for pattern, routes in self._by_path.items():
            wanted = pattern.split("/")
            if len(wanted) != len(parts):
                continue
            given = {name[1:-1]: _decoded(part) for name, part in zip(wanted, parts, strict=True) if name[:1] == "{"}
            fixed = all(name[:1] == "{" or name.encode() == part for name, part in zip(wanted, parts, strict=True))
            if fixed and None not in given.values():
                yield Found(routes, {name: text for name, text in given.items() if text is not None})


def _decoded(part: bytes) -> str | None:
    try:
        text = unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if 0 < len(text) <= PARAMETER_CHARS_MAX else None
