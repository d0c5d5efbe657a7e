"""What the administration API answers, by shape. The acts make plain data; these say what it is, for OpenAPI and for
the test that holds every answer against them.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

Record = dict[str, Any]


class Answer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the answers."""


class Problem(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """RFC 9457. `reason` is stable, `kind` says whose turn it is, `next` what to do; `decision_id` names the record."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    kind: str
    next: str
    decision_id: str | None


class GrantShown(Answer, frozen=True):
    """`state` and `calls_used` are there in lists."""

    id: str
    subject: str
    client: str
    actors: list[str]
    tenant: str
    environment: str
    presence: str
    purpose: str
    resource: str
    scopes: list[str]
    calls_max: int | None
    created_at_s: float
    expires_at_s: float
    assurance: str


class LiveGrantShown(GrantShown, frozen=True):
    state: str
    calls_used: int


class Grants(Answer, frozen=True):
    grants: list[LiveGrantShown]


class GrantMade(Answer, frozen=True):
    """The access token is a secret: it is told once."""

    grant: GrantShown
    access_token: str
    token_type: str
    expires_in_s: int
    decision_id: str


class Ended(Answer, frozen=True):
    """What ended now. Ending what is over, or what there is not, ends nothing."""

    grants: list[str]
    calls: int
    processes: int
    elapsed_ms: float
    decision_id: str


class ClientSays(Answer, frozen=True):
    """The client's own words, and nobody's word."""

    name: str
    redirect_uris: list[str]
    authentication: str


class ClientShown(Answer, frozen=True):
    """A client that describes itself. `standing`, `asked` and `admitted_by` are by tenant."""

    client: str
    host: str
    says: ClientSays
    digest: str
    read_at_s: float
    standing: dict[str, str]
    asked: dict[str, str]
    admitted_by: dict[str, str]


class ClientAdmitted(ClientShown, frozen=True):
    decision_id: str


class Clients(Answer, frozen=True):
    clients: list[ClientShown]


class AdministratorShown(Answer, frozen=True):
    """`roles` by tenant, as they are now. The last three are empty for an administrator of the configuration."""

    name: str
    uid: int | None
    account: str
    roles: dict[str, list[str]]
    delegation: str
    delegated_by: str
    expires_at_s: float | None


class Administrators(Answer, frozen=True):
    administrators: list[AdministratorShown]


class Delegated(Answer, frozen=True):
    administrator: AdministratorShown
    decision_id: str


class Undelegated(Answer, frozen=True):
    ended: str
    decision_id: str


class ProposalShown(Answer, frozen=True):
    """What waits for a second person. `digest` stands for act, arguments and tenants together."""

    id: str
    act: str
    arguments: Record
    digest: str
    by: str
    tenants: list[str]
    state: str
    proposed_at_s: float
    expires_at_s: float


class Proposed(Answer, frozen=True):
    """Instead of the act's own answer: another administrator has to confirm it."""

    proposal: ProposalShown


class Proposals(Answer, frozen=True):
    proposals: list[ProposalShown]


class Withdrawn(Proposed, frozen=True):
    decision_id: str


class Confirmed(Answer, frozen=True):
    """`result` is what the act itself answers, secrets included."""

    act: str
    result: Record
    decision_id: str


class ConsentShown(Answer, frozen=True):
    """What a person agreed to; `rule` names the rule by which somebody agreed for them."""

    id: str
    tenant: str
    user: str
    client: str
    redirect: str
    resource: str
    scopes: list[str]
    constraints: int
    calls_max: int | None
    purpose: str
    purpose_class: str
    environment: str
    ttl_s: float
    given_at_s: float
    expires_at_s: float
    rule: str


class Consents(Answer, frozen=True):
    consents: list[ConsentShown]


class ConsentEnded(Answer, frozen=True):
    consent: str
    grants: list[str]
    decision_id: str


class RuleShown(Answer, frozen=True):
    rule: str
    tenant: str
    client: str
    effect: str
    scopes: list[str]
    users: list[str]
    environment: str
    purpose: str
    purpose_class: str
    ttl_s: float
    by: str
    at_s: float


class Rules(Answer, frozen=True):
    rules: list[RuleShown]


class RuleMade(RuleShown, frozen=True):
    decision_id: str


class Forbidden(RuleMade, frozen=True):
    grants: list[str]


class LoginStep(Answer, frozen=True):
    step: str
    at_s: float
    last_at_s: float
    times: int
    detail: str


class LoginShown(Answer, frozen=True):
    login: str
    begun_at_s: float
    client: str
    resource: str
    account: str
    grant: str
    last: LoginStep


class Logins(Answer, frozen=True):
    """The newest first; `left_out` says how many more there are."""

    logins: list[LoginShown]
    left_out: int


class LoginTraced(LoginShown, frozen=True):
    steps: list[LoginStep]
    left_out: int


class ServerShown(Answer, frozen=True):
    name: str
    health: str
    problems: list[str]
    misnamed: list[str]
    eras: list[str]
    tools: int
    tool_names: list[str]
    resources: int
    prompts: int
    withheld: list[str]
    mode: str
    observe_until_s: float | None
    tenants: list[str]
    environment: str
    owner: str
    credential: str


class Servers(Answer, frozen=True):
    servers: list[ServerShown]


class Change(Answer, frozen=True):
    """A withheld item: the definition that is trusted, and the one that was found."""

    drift: str
    kind: str
    name: str
    before: str | None
    after: str | None
    digest: str


class Changes(Answer, frozen=True):
    changes: list[Change]


class Approved(Answer, frozen=True):
    approved: list[str]


class Fault(Answer, frozen=True):
    file: str
    line: int
    message: str


class PolicySet(Answer, frozen=True):
    version: str
    problems: list[Fault]


class Policies(Answer, frozen=True):
    """By tenant."""

    tenants: dict[str, PolicySet]


class Reloaded(Policies, frozen=True):
    """All of it was taken over, or nothing."""

    taken_over: bool


class Records(Answer, frozen=True):
    """Records oldest first. Go on with `after` until `more` is false; records of other tenants are left out."""

    records: list[Record]
    after: int
    more: bool


class Head(Answer, frozen=True):
    """The ledger's end, signed, for `remit audit verify --anchor`."""

    segment: int
    seq: int
    link: str
    at: str
    key: str
    signature: str


class Proof(Answer, frozen=True):
    proof: str
    decision_id: str


class Erased(Answer, frozen=True):
    erased: bool
    decision_id: str


class Invited(Answer, frozen=True):
    """The link is a secret: whoever has it sets the password."""

    account: str
    link: str
    expires_in_s: int
    decision_id: str


class LedgerState(Answer, frozen=True):
    writable: bool
    failure: str
    segment: int
    seq: int
    durable: str


class Status(Answer, frozen=True):
    version: str
    public_url: str
    uptime_s: float
    assurance: str
    grants: int
    ledger: LedgerState
    policies: dict[str, PolicySet]
    servers: list[ServerShown]


class Story(Struct, frozen=True, kw_only=True):
    """One decision as it was taken. What is told beside these members depends on its kind."""

    decision_id: str
    kind: str
    at: str
    decision: str
    asked: Record
    determining: list[str]
    policy_version: str
    detail: str
    next: str
