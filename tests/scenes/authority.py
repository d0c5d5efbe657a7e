"""Two tenants, a few servers, accounts and clients, on fakes: what the tests of grants and tokens play on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from remit.core.catalog import Catalog, Enforce, Server
from remit.core.client_document import DomainRule, DomainTrust
from remit.core.clients import Account, Client, ClientAuthentication, ClientBook, ClientTerms, Only
from remit.core.grant import Calls, LiveGrant
from remit.core.grantbook import GrantBook
from remit.core.ledger import RecordKind
from remit.core.purposes import PurposeClass, Tools
from remit.core.scope import OneTool, Scope, ToolName, WholeServer, constraint
from remit.core.secret import Secret
from remit.flows.authorize import Authorize
from remit.flows.codes import Codes
from remit.flows.consents import Consents
from remit.flows.create_grant import CreateGrant, Granted
from remit.flows.device_requests import DeviceRequests
from remit.flows.end_grant import EndGrant
from remit.flows.grant_requests import AdministrationRequest
from remit.flows.load_grants import LoadGrants
from remit.flows.redeem import Redeem
from remit.flows.registry import Registry
from remit.flows.self_described import SelfDescribed
from remit.testing.calls import FakeCalls
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.dialler import FakeFetcher
from remit.testing.ledger import FakeLedger
from remit.testing.sealer import FakeSealer
from remit.testing.store import FakeStore
from remit.testing.tokens import FakeTokenSigner

ISSUER = "http://127.0.0.1:8700"
RESOURCE = f"{ISSUER}/mcp"
SECRET = b"correct horse battery staple"


def server(name: str, *tenants: str, environment: str = "dev") -> Server:
    return Server(
        name=name, tenants=frozenset(tenants), environment=environment, owner="owner", mode=Enforce(),
        credential="none", stateful=False, eras=frozenset(), items={}, withheld={}, discovery={}, versions={},
    )  # fmt: skip


def scopes(*names: str) -> frozenset[Scope]:
    return frozenset(OneTool(*name.split(":")) if ":" in name else WholeServer(name) for name in names)


TERMS = ClientTerms("nightly", "dev", scopes("git", "files:read_file"), 3600.0, Calls(100))
CLIENTS = {
    client.id: client
    for client in (
        Client("demo", frozenset({"acme"}), ClientAuthentication.NONE),
        Client(
            "cron",
            frozenset({"acme"}),
            ClientAuthentication.CLIENT_SECRET_BASIC,
            frozenset({"ci"}),
            secret=Secret(SECRET),
            terms=TERMS,
        ),
        Client(
            "globex-cron",
            frozenset({"globex"}),
            ClientAuthentication.CLIENT_SECRET_BASIC,
            secret=Secret(b"other"),
            terms=TERMS,
        ),
    )
}
ACCOUNTS = {
    account.id: account
    for account in (
        Account("engineer", "acme", frozenset({"engineer"})),
        Account("reader", "acme", frozenset({"reader"}), Only(scopes("files:read_file"))),
        Account("analyst", "globex", frozenset({"analyst"})),
    )
}
PURPOSES = {
    "triage": PurposeClass(
        "triage", Tools(scopes("git:git_log")),
        frozenset({constraint(ToolName("git", "git_log"), "repo_path", "prefix", ["/srv/"])}), 600.0, Calls(5),
    )
}  # fmt: skip
SERVERS = {
    found.name: found
    for found in (
        server("git", "acme"),
        server("files", "acme", "globex"),
        server("prod-db", "acme", environment="prod"),
    )
}


@dataclass
class Scene:
    """Everything by name; a test changes one thing and walks."""

    clock: FakeClock = field(default_factory=FakeClock)
    entropy: FakeEntropy = field(default_factory=FakeEntropy)
    grants: GrantBook = field(default_factory=GrantBook)
    store: FakeStore = field(default_factory=FakeStore)
    tokens: FakeTokenSigner = field(default_factory=FakeTokenSigner)
    calls: FakeCalls = field(default_factory=FakeCalls)
    documents: FakeFetcher = field(default_factory=FakeFetcher)
    processes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = FakeLedger(self.clock)
        registry = Registry(ISSUER, ACCOUNTS, ClientBook(CLIENTS), PURPOSES, frozenset({"dev", "prod"}))
        self.create = CreateGrant(
            registry, lambda: Catalog(1, SERVERS, {}), self.grants, self.store, self.ledger, self.tokens, self.clock,
            self.entropy,
        )  # fmt: skip
        self.ending = EndGrant(
            self.grants, self.store, self.ledger, self.calls, self._end_processes, self.clock, self.entropy
        )
        self.sealer = FakeSealer()
        self.described = self.describing(registry.clients)
        self.devices = DeviceRequests(self.store, self.sealer, self.clock, self.entropy)
        self.authorize = self.authorizing()
        self.redeem = Redeem(self.create, self.authorize, self.ending, self.sealer)

    def describing(self, book: ClientBook) -> SelfDescribed:
        rules = {"*": DomainRule("*", DomainTrust.ASK, frozenset({"acme", "globex"}))}
        return SelfDescribed(book, rules, self.documents, self.store, self.ledger, self.clock, self.entropy)

    def authorizing(self) -> Authorize:
        consents = Consents(self.store, self.ledger, self.clock, self.entropy)
        return Authorize(
            self.create, self.sealer, self.clock, self.entropy, self.described, self.devices, consents,
            Codes(self.store, self.clock),
        )  # fmt: skip

    def _end_processes(self, grant_id: str) -> int:
        self.processes.append(grant_id)
        return 1

    async def granted(self, **changes: object) -> Granted:
        request = AdministrationRequest(
            "engineer", "demo", "look around", "/mcp", "dev", administrator="alice", assurance="separate-user"
        )
        return await self.create.for_administration(replace(request, **changes))  # type: ignore[arg-type]

    async def live(self, **changes: object) -> LiveGrant:
        granted = await self.granted(**changes)
        found = self.grants.find(granted.grant.id)
        assert found is not None
        return found

    def loading(self, *, ledger_sequence: int | None = None, calls_used: int = 0) -> tuple[LoadGrants, GrantBook]:
        """A start over the same store, into an empty book."""
        book = GrantBook()
        if ledger_sequence is None:
            recorded = self.ledger.of_kind(RecordKind.GRANT)
            ledger_sequence = max((int(record["store_sequence"]) for record in recorded), default=0)
        load = LoadGrants(
            book, self.store, self.ledger, self.clock, self.entropy, lambda _: calls_used, ledger_sequence
        )
        return load, book
