"""The catalog, kept current in the background: one task per server, so that a slow or dead one holds up no other.

A server that cannot be asked keeps the items it had; only a survey that succeeded changes anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from remit.adapters.schema.compiled import SchemaProblem, compile_schema
from remit.core.argument_names import ArgumentNames, argument_names
from remit.core.authentication import NO_DEMAND
from remit.core.catalog import Catalog, Drift, Health, Item, ItemKind, Server, Tool, Validator, bare_names, digest_of
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.core.registration import ServerConfig, Stdio
from remit.flows.register_server import Judged, Key, Pinned, RegisterServer, judge, load_pins
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger
from remit.ports.store import Store
from remit.ports.upstream import Survey, Upstreams
from remit.wire.tool_headers import header_arguments

log = logging.getLogger("remit.catalog")
OnChange = Callable[[Catalog], None]
Compiled = tuple[Validator | None, ArgumentNames | None]
NEVER_SEEN = Pinned({})


@dataclass(frozen=True, slots=True)
class RefreshLimits:
    """`survey_s_max` bounds one server's survey; `surveys_max` how many run at once, so that a start with many servers
    does not start every process in the same second."""

    survey_s_max: float = 30.0
    interval_s: float = 60.0
    stdio_interval_s: float = 300.0  # each of these surveys starts a process
    backoff_s_min: float = 1.0
    hint_gap_s: float = 2.0  # a server that keeps saying that its lists changed is asked this often, not more
    surveys_max: int = 8


@dataclass(slots=True)
class _Known:
    """What is known of one server between surveys. `found` is None until one succeeded since the start."""

    config: ServerConfig
    pinned: Pinned | None = None
    found: Mapping[Key, Item] | None = None
    reported: Mapping[Key, Drift] = field(default_factory=dict)
    health: Health = "unknown"
    problems: tuple[str, ...] = ()
    misnamed: tuple[str, ...] = ()
    failures: int = 0
    compiled: dict[str, Compiled] = field(default_factory=dict)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    hinted: asyncio.Event = field(default_factory=asyncio.Event)


class LiveCatalog:
    """Owns the current `Catalog`. Its epoch changes exactly when something a decision or a list depends on does."""

    def __init__(
        self,
        configs: Iterable[ServerConfig],
        upstreams: Upstreams,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        entropy: Entropy,
        limits: RefreshLimits | None = None,
    ) -> None:
        self._upstreams = upstreams
        self._clock = clock
        self._limits = limits or RefreshLimits()
        self._known = {config.name: _Known(config) for config in configs}
        tenants = {name: known.config.tenants for name, known in self._known.items()}
        self._registrar = RegisterServer(store, ledger, entropy, tenants)
        self._turns = asyncio.Semaphore(self._limits.surveys_max)
        self._tasks: list[asyncio.Task[None]] = []
        self._listeners: list[OnChange] = []
        self._surveyed = {name: asyncio.Event() for name in self._known}
        servers = {name: self._server(known) for name, known in self._known.items()}
        self._catalog = Catalog(1, servers, bare_names(servers))

    def current(self) -> Catalog:
        return self._catalog

    def on_change(self, listener: OnChange) -> None:
        """Call with each new catalog. Listeners run on the loop and must not wait."""
        self._listeners.append(listener)

    async def start(self, pinned_before: frozenset[str] = frozenset()) -> None:
        """Serve what was pinned before, then begin asking. Raises `Outage` if the pins cannot be trusted."""
        await self.load(pinned_before)
        self._tasks = [asyncio.get_running_loop().create_task(self._keep_current(name)) for name in self._known]

    async def load(self, pinned_before: frozenset[str] = frozenset()) -> None:
        """Serve what was pinned before, and ask nobody. Raises `Outage` if the pins cannot be trusted.

        `pinned_before`: the servers that were pinned according to the ledger. One without pins has lost them, with the
        store or by going back to an older one, and does not get a second first time.
        """
        pins = await load_pins(self._registrar.store)
        for name, known in self._known.items():
            if name in pins:
                known.pinned = pins[name]
                known.health = "stored"
                self._publish(known)
            elif name in pinned_before:
                known.pinned = await self._registrar.lose(name)
                log.critical("pins_lost", extra={"server": name, "next": f"remit server diff {name}"})

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def surveyed(self, deadline_s: float) -> bool:
        """Wait until every server was asked once, whatever it said; False if that took too long."""
        try:
            await asyncio.wait_for(asyncio.gather(*(event.wait() for event in self._surveyed.values())), deadline_s)
        except TimeoutError:
            return False
        return True

    def hint(self, server: str) -> None:
        """Somebody heard the server say that its lists changed: ask it soon."""
        known = self._known.get(server)
        if known is not None:
            known.hinted.set()

    def problems(self, server: str) -> tuple[str, ...]:
        """What was left out of the server's items and why, and why its last survey failed if it did."""
        return self._of(server).problems

    def misnamed(self, server: str) -> tuple[str, ...]:
        """Restrictions of the configuration that are about no tool the server has, and so restrict nothing."""
        return self._of(server).misnamed

    async def refresh(self, server: str) -> None:
        """Ask one server now. Raises `Outage`; the catalog then stays as it is."""
        known = self._of(server)
        async with known.busy, self._turns:
            try:
                survey = await self._upstreams.survey(server, self._limits.survey_s_max)
                await self._take(known, survey)
            except Refusal as refusal:
                known.failures += 1
                known.health = "unreachable"
                known.problems = (f"{refusal.reason.value}: {refusal.detail}",)
                self._publish(known)
                raise
            finally:
                self._surveyed[server].set()

    def diff(self, server: str) -> list[dict[str, Any]]:
        """Every withheld item: its trusted definition and the one found, as the server wrote them."""
        known = self._of(server)
        changes: list[dict[str, Any]] = []
        for key, verdict in sorted(self._judged(known).withheld.items()):
            kind, name = key
            pin = known.pinned.pins.get(key) if known.pinned is not None else None
            item = (known.found or {}).get(key)
            changes.append(
                {
                    "drift": verdict.value,
                    "kind": kind.value,
                    "name": name,
                    "before": pin.definition.decode("utf-8", "replace") if pin is not None else None,
                    "after": item.definition.decode("utf-8", "replace") if item is not None else None,
                    "digest": item.digest if item is not None else "",
                }
            )
        return changes

    async def approve(self, server: str, item: str, digest: str, *, by: str) -> str:
        """Trust one withheld item (`tool/write_file`) as the administrator saw it: `digest` is the one `diff` gave with
        it, empty for an item that is gone. Another definition is not approved in its stead. Raises `Invalid`.
        """
        known = self._of(server)
        async with known.busy:
            key = next((key for key in self._judged(known).withheld if item == f"{key[0].value}/{key[1]}"), None)
            if key is None or known.pinned is None:
                raise refuse(Reason.INVALID_PARAMS, f"{server}: nothing named {item[:128]!r} is waiting for approval")
            found = (known.found or {}).get(key)
            known.pinned = await self._registrar.approve(server, known.pinned, key, found, digest, by)
            known.reported = self._judged(known).withheld
            self._publish(known)
        return item

    # inside ---------------------------------------------------------------------------------------------------
    async def _keep_current(self, server: str) -> None:
        known = self._known[server]
        while True:
            try:
                await self.refresh(server)
                stdio = isinstance(known.config.transport, Stdio)
                wait_s = self._limits.stdio_interval_s if stdio else self._limits.interval_s
            except Exception as error:
                # A server's answer must not be able to end its own refresh for good: whatever broke is logged whole.
                refusal = error if isinstance(error, Refusal) else refuse(Reason.INTERNAL, type(error).__name__)
                log.warning(
                    "survey_failed",
                    extra={"server": server, "reason": refusal.reason.value, "detail": refusal.detail},
                    exc_info=None if refusal is error else error,
                )
                known.failures = max(known.failures, 1)
                backoff_s = self._limits.backoff_s_min * 2 ** min(known.failures - 1, 16)
                wait_s = min(self._limits.interval_s, backoff_s)
            await asyncio.sleep(min(wait_s, self._limits.hint_gap_s))
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, wait_s - self._limits.hint_gap_s)):
                    await known.hinted.wait()
            known.hinted.clear()

    async def _take(self, known: _Known, survey: Survey) -> None:
        """A survey succeeded: pin it if it is the first, else hold it against the pins; then publish."""
        name = known.config.name
        found = {(item.kind, item.name): item for item in survey.items}
        if known.pinned is None:
            known.pinned = await self._registrar.baseline(name, survey)
        elif _says(known.pinned) != _says(survey):
            known.pinned = await self._registrar.see(name, known.pinned, survey)
        known.found = found
        withheld = self._judged(known).withheld
        if withheld != known.reported:
            self._registrar.report_drift(name, withheld)
            known.reported = withheld
            log.warning("definitions_changed", extra={"server": name, "withheld": len(withheld)})
        self._report_misnamed(known)
        known.failures = 0
        known.health = "ok"
        known.problems = survey.problems
        self._publish(known)

    def _report_misnamed(self, known: _Known) -> None:
        name = known.config.name
        keys = {*(known.found or {}), *(known.pinned.pins if known.pinned is not None else ())}
        missing = sorted(each for each in known.config.restricted if (ItemKind.TOOL, each[1]) not in keys)
        misnamed = tuple(f"{where}: {tool}" for where, tool in missing)
        if misnamed == known.misnamed:
            return
        self._registrar.report_misnamed(name, misnamed)
        known.misnamed = misnamed
        for each in misnamed:
            log.warning("restricts_no_tool", extra={"server": name, "named": each})

    def _judged(self, known: _Known) -> Judged:
        pinned = known.pinned
        if pinned is None:
            return Judged({}, {})
        if known.found is None:  # not asked since the start: what was trusted then is served
            stored = {key: stored_item(known.config.name, key, pin.definition) for key, pin in pinned.pins.items()}
            return Judged(stored, {})
        return judge(pinned, known.found.values())

    def _publish(self, known: _Known) -> None:
        """Put the server's new state into a new catalog. Health alone changes no epoch."""
        server = self._server(known)
        name = server.name
        before = self._catalog.servers[name]
        servers = {**self._catalog.servers, name: server}
        changed = _matters(before) != _matters(server)
        self._catalog = Catalog(self._catalog.epoch + changed, servers, bare_names(servers))
        if changed:
            log.info("catalog_changed", extra={"server": name, "epoch": self._catalog.epoch})
            for listener in self._listeners:
                listener(self._catalog)

    def _server(self, known: _Known) -> Server:
        judged = self._judged(known)
        items = {key: self._finished(known, item) for key, item in judged.trusted.items()}
        return server_of(known.config, known.pinned or NEVER_SEEN, items, judged.withheld, known.health)

    def _finished(self, known: _Known, item: Item) -> Item:
        """A tool as calls meet it; its schema is compiled once per definition."""
        if not isinstance(item, Tool):
            return item
        if item.digest not in known.compiled:
            try:
                known.compiled[item.digest] = compiled(known.config, item)
            except SchemaProblem as problem:
                known.compiled[item.digest] = None, None
                log.warning("schema_unusable", extra={"server": item.server, "tool": item.name, "detail": str(problem)})
        return as_registered(known.config, item, known.compiled[item.digest])

    def _of(self, server: str) -> _Known:
        known = self._known.get(server)
        if known is None:
            raise refuse(Reason.INVALID_PARAMS, f"no server {server[:80]!r} is registered")
        return known


def server_of(
    config: ServerConfig,
    pinned: Pinned,
    items: Mapping[Key, Item],
    withheld: Mapping[Key, Drift],
    health: Health = "unknown",
) -> Server:
    """What the operator registered, with what was learned."""
    return Server(
        name=config.name,
        tenants=config.tenants,
        environment=config.environment,
        owner=config.owner,
        mode=config.mode,
        credential=config.credential,
        stateful=config.stateful,
        eras=pinned.eras,
        items=items,
        withheld=withheld,
        discovery=pinned.discovery,
        versions=pinned.versions,
        health=health,
    )


def compiled(config: ServerConfig, tool: Tool) -> Compiled:
    """What a call needs of the tool's schema. Raises `SchemaProblem`."""
    validate = compile_schema(tool.input_schema)
    return validate, argument_names(tool.input_schema, config.path_arguments.get(tool.name, ()))


def as_registered(config: ServerConfig, tool: Tool, made: Compiled = (None, None)) -> Tool:
    """A tool with its schema compiled (not made: it could not be) and with what its registration says of it."""
    paths, high_risk = config.path_arguments.get(tool.name, ()), tool.name in config.high_risk
    validate, names = made
    demand = config.demands.get(tool.name, NO_DEMAND)
    return replace(tool, validate=validate, names=names, path_arguments=paths, high_risk=high_risk, demand=demand)


def stored_item(server: str, key: Key, definition: bytes) -> Item:
    """An item as its pin holds it."""
    kind, name = key
    content = orjson.loads(definition)
    digest = digest_of(content)
    if kind is not ItemKind.TOOL:
        return Item(kind, server, name, definition, digest)
    schema = content["inputSchema"]
    return Tool(kind, server, name, definition, digest, schema, header_arguments=header_arguments(schema))


def _says(known: Pinned | Survey) -> tuple[object, ...]:
    return known.eras, known.discovery, known.versions


def _matters(server: Server) -> tuple[object, ...]:
    """What decisions and lists depend on: everything but health, items by their digest."""
    items = {key: item.digest for key, item in server.items.items()}
    return items, dict(server.withheld), server.eras, server.discovery, server.versions
