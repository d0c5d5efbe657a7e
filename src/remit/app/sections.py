"""The sections of `remit.yaml`: the shape of the file.

Field names and docstrings here are the reference: `docs/reference/settings.md` is checked against them, and the JSON
Schema published beside it is generated from them. Secrets appear only as references, never as values.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from remit.core.administration import Act, Role
from remit.core.proposal import PROPOSAL_S_MAX, PROPOSAL_S_MIN
from remit.core.scope import SERVER_NAME

# msgspec searches for a pattern: without the `^` the name `A b` would pass for its end.
Name = Annotated[str, Meta(pattern="^" + SERVER_NAME.pattern.replace(r"\Z", "$"))]
Positive = Annotated[int, Meta(gt=0)]
Seconds = Annotated[float, Meta(gt=0)]
# The first parts of MCP's method names: a policy about `tools/call` must never be about a tool of a server `tools`.
METHOD_NAMES = frozenset([
    "completion", "initialize", "logging", "notifications", "ping", "prompts", "resources",
    "roots", "sampling", "server", "session", "subscriptions", "tasks", "tools",
])  # fmt: skip


class Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every section: an unknown key is an error."""


class StdioSettings(Strict, frozen=True):
    """A server Remit starts. `command` is run as written, never through a shell; `environment` is all the child
    gets.
    """

    command: Annotated[list[str], Meta(min_length=1)]
    environment: dict[str, str] = field(default_factory=dict)
    working_dir: str = ""


class HttpSettings(Strict, frozen=True):
    """A server Remit dials. `networks` lists address ranges the URL's host may resolve to beside public ones."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    networks: list[str] = field(default_factory=list)
    ca_file: str = ""


class ObserveUntil(Strict, frozen=True):
    """Observe mode: policy is recorded, not enforced, until this moment (RFC 3339)."""

    observe_until: str


class StepUpSettings(Strict, frozen=True):
    """Tools that only somebody uses who signed in with a passkey, and not long ago."""

    tools: Annotated[list[str], Meta(min_length=1)]
    max_age_s: Annotated[float, Meta(ge=60)] = 900.0


class ServerSettings(Strict, frozen=True):
    """One MCP server. Exactly one of `stdio` and `http`."""

    tenants: Annotated[list[Name], Meta(min_length=1)]
    environment: Name
    owner: str
    stdio: StdioSettings | None = None
    http: HttpSettings | None = None
    stateful: bool = True
    path_arguments: dict[str, list[str]] = field(default_factory=dict)
    high_risk: list[str] = field(default_factory=list)
    step_up: StepUpSettings | None = None
    mode: Literal["enforce"] | ObserveUntil = "enforce"


class AccountSettings(Strict, frozen=True):
    """A person known to Remit itself. Passwords and passkeys are not kept here.

    Without `scopes` a grant may reach what the tenant reaches; an empty list reaches nothing.
    """

    tenant: Name
    roles: list[Name] = field(default_factory=list)
    scopes: list[str] | None = None
    passkey: Literal["optional", "required"] = "optional"


class GrantTemplate(Strict, frozen=True):
    """What a client may be granted with client_credentials: the ceiling, and the purpose every such grant carries."""

    purpose: str
    scopes: Annotated[list[str], Meta(min_length=1)]
    environment: Name
    ttl_s: Seconds = 3600.0
    idle_s: Seconds = 900.0
    calls_max: Positive | None = None


class ClientSettings(Strict, frozen=True):
    """A registered OAuth client. With `redirect_uris` it may send people here to ask whether it may act for them;
    without, a client with `auth: none` can only be named in grants an administrator makes.
    """

    tenant: Name
    auth: Literal["none", "private_key_jwt", "client_secret_basic"] = "none"
    roles: list[Name] = field(default_factory=list)
    jwks: dict[str, Any] = field(default_factory=dict)
    secret: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    require_par: bool = False
    introspects: list[str] = field(default_factory=list)
    device: bool = False
    grant: GrantTemplate | None = None


class DomainSettings(Strict, frozen=True):
    """What clients that describe themselves at this domain are worth. `ask`: an administrator lets each in.

    Without `tenants` it is for all of them. `networks` and `ca_file` are for hosts of your own, inside.
    """

    trust: Literal["trusted", "ask", "refused"] = "ask"
    tenants: list[Name] | None = None
    networks: list[str] = field(default_factory=list)
    ca_file: str = ""


class RegistrationSettings(Strict, frozen=True):
    """Dynamic client registration (RFC 7591). Without this section there is none."""

    tenant: Name
    redirect_hosts: Annotated[list[str], Meta(min_length=1)]
    initial_token: str = ""
    clients_max: Positive = 100


class PurposeSettings(Strict, frozen=True):
    """An entry of the purpose catalogue: what a task of this kind needs. It narrows, it never adds.

    Without `tools` it narrows time, budget and arguments only; an empty list leaves no tool.
    """

    tools: list[str] | None = None
    arguments: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    ttl_s: Seconds = 900.0
    calls_max: Positive | None = None


class AdministratorSettings(Strict, frozen=True):
    """Somebody who administers: an operating-system user (by numeric id, checked by peer credentials), an account that
    signs in, or both; and the roles they hold per tenant.
    """

    roles: list[Role] | dict[Name, list[Role]]
    uid: Annotated[int, Meta(ge=0)] | None = None
    account: str = ""
    tenants: list[Name] = field(default_factory=list)


class LedgerSettings(Strict, frozen=True):
    """`reply`: no reply leaves before its intent is on disk. `UnsafeAsync` gives that up; it exists for measurement."""

    durable: Literal["reply", "UnsafeAsync"] = "reply"
    heartbeat_s: Seconds = 60.0


class LimitSettings(Strict, frozen=True):
    """Bounds. Each is a hard maximum."""

    body_bytes_max: Positive = 4_194_304
    reply_bytes_max: Positive = 16_777_216
    call_s_max: Seconds = 300.0
    calls_in_flight_max: Positive = 64
    connections_max: Positive = 10_000
    page_items_max: Positive = 1_000
    processes_max: Positive = 64
    process_idle_s_max: Seconds = 600.0


class SessionSettings(Strict, frozen=True):
    """How long a browser stays signed in."""

    idle_s: Annotated[float, Meta(ge=60, le=86_400)] = 3_600.0
    max_s: Annotated[float, Meta(ge=300, le=2_592_000)] = 43_200.0


class TlsSettings(Strict, frozen=True):
    certificate: str
    key: str


class Settings(Strict, frozen=True):
    """The whole file. Paths are relative to the file's own folder."""

    public_url: str
    tenants: Annotated[list[Name], Meta(min_length=1)]
    environments: Annotated[list[Name], Meta(min_length=1)]
    listen: str = "127.0.0.1:8700"
    admin_url: str = ""
    admin_listen: str = ""
    admin_sign_in: Literal["password", "passkey"] = "password"
    state_dir: str = "state"
    policies_dir: str = "policies"
    servers: dict[Name, ServerSettings] = field(default_factory=dict)
    accounts: dict[str, AccountSettings] = field(default_factory=dict)
    clients: dict[str, ClientSettings] = field(default_factory=dict)
    client_documents: dict[str, DomainSettings] | None = None
    registration: RegistrationSettings | None = None
    purposes: dict[str, PurposeSettings] = field(default_factory=dict)
    administrators: dict[str, AdministratorSettings] = field(default_factory=dict)
    second_person: list[Act] = field(default_factory=list)
    proposal_ttl_s: Annotated[float, Meta(ge=PROPOSAL_S_MIN, le=PROPOSAL_S_MAX)] = 86_400.0
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    tls: TlsSettings | None = None
    behind_tls_proxy: bool = False
    trusted_proxies: list[str] = field(default_factory=list)
    allowed_origins: list[str] = field(default_factory=list)
