"""Which adapter stands behind which port. Read top to bottom: what is built later uses what is built before."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson

from remit import __version__
from remit.adapters.authenticator.access_tokens import TokenAuthenticator
from remit.adapters.calls.tracked import TrackedCalls
from remit.adapters.changes.inprocess import InProcessChanges
from remit.adapters.credentials.registered import RegisteredCredentials
from remit.adapters.dialler.checked import CheckedDialler
from remit.adapters.dialler.fetcher import CheckedFetcher
from remit.adapters.launcher.local import LocalLauncher
from remit.adapters.ledger.salts import BLOCK_SALTS, BLOCK_SALTS_COMMAND
from remit.adapters.policy.engine import CedarEngine
from remit.adapters.policy.loading import Fault
from remit.adapters.sealer.aead import AeadSealer
from remit.adapters.upstream.registry import RegisteredUpstreams
from remit.adapters.upstream.world import UpstreamLimits, World
from remit.app.authorization import Granting, authorization
from remit.app.catalog import LiveCatalog
from remit.app.files import Files as Files
from remit.app.files import open_files
from remit.app.records import IndexedRecords, newest_store_sequence
from remit.app.references import sources
from remit.app.registry import administrators, registry
from remit.app.server_configs import server_configs
from remit.app.settings import Configuration
from remit.app.signing_in import signing_in
from remit.core.authentication import Acr
from remit.core.errors import Refusal
from remit.core.grantbook import GrantBook
from remit.core.ledger import RecordKind
from remit.flows.account_links import AccountLinks
from remit.flows.admin_audience import AdminAudience
from remit.flows.administer import Administer
from remit.flows.authorize import Authorize
from remit.flows.authorize_device import AuthorizeDevice
from remit.flows.consent_rules import ConsentRules
from remit.flows.create_grant import CreateGrant
from remit.flows.delegate import Delegate
from remit.flows.end_grant import EndGrant
from remit.flows.introspect import Introspect
from remit.flows.load_grants import LoadGrants
from remit.flows.own_grants import OwnGrants
from remit.flows.passkeys import OwnPasskeys
from remit.flows.propose import Propose
from remit.flows.push_request import PushRequest
from remit.flows.redeem import Redeem
from remit.flows.register_client import RegisterClient
from remit.flows.registry import Registry
from remit.flows.remembered import Remember
from remit.flows.self_described import SelfDescribed
from remit.flows.sign_in import SignIn
from remit.flows.token import IssueToken
from remit.flows.tool_call import Durability, ToolCall

log = logging.getLogger("remit.app")


@dataclass(frozen=True, slots=True)
class Servers:
    """The way to the servers: their credentials, their connections and processes, and what they offer."""

    credentials: RegisteredCredentials
    upstreams: RegisteredUpstreams
    launcher: LocalLauncher
    fetcher: CheckedFetcher
    catalog: LiveCatalog

    async def stop(self) -> None:
        async with AsyncExitStack() as stopping:
            stopping.callback(self.launcher.close)
            stopping.push_async_callback(self.upstreams.stop)
            stopping.push_async_callback(self.catalog.stop)


@dataclass(frozen=True, slots=True)
class Remit:
    """One running Remit without its sockets: every flow, wired."""

    configuration: Configuration
    files: Files
    servers: Servers
    grants: GrantBook
    changes: InProcessChanges
    sealer: AeadSealer
    records: IndexedRecords
    policy: CedarEngine
    walk: ToolCall
    create_grant: CreateGrant
    end_grant: EndGrant
    sign_in: SignIn
    described: SelfDescribed
    register: RegisterClient
    passkeys: OwnPasskeys
    links: AccountLinks
    authorize: Authorize
    consent_rules: ConsentRules
    remember: Remember
    own_grants: OwnGrants
    redeem: Redeem
    push: PushRequest
    device: AuthorizeDevice
    token: IssueToken
    introspect: Introspect
    administer: Administer
    propose: Propose
    delegate: Delegate

    async def reload_policies(self) -> tuple[Fault, ...]:
        """Take over what the policy files say now, or nothing of it: then the faults say why. On record either way."""
        faults = await self.policy.reload()
        self.changes.announce()
        self.record_policies("refused" if faults else "reloaded", faults)
        return faults

    def record_policies(self, event: str, faults: Sequence[Fault]) -> None:
        """One record per tenant: which set stands for it from now on, and what is wrong with its files."""
        for fault in faults:
            log.error("policy_fault", extra={"at": str(fault)})
        log.info("policy_sets", extra={"event": event, "faults": len(faults)})
        for tenant in self.configuration.settings.tenants:
            found = [str(fault) for fault in faults if fault.concerns(tenant)]
            fields = {"tenant": tenant, "event": event, "policy_version": self.policy.version(tenant)}
            more = {"faults": len(found), "first_fault": found[0][:512]} if found else {}
            self.files.ledger.write(RecordKind.POLICY, self.files.entropy.id("pol"), fields | more)

    def _report_last(self) -> None:
        with suppress(Refusal):  # a ledger that fails has said so already
            self.introspect.report()

    async def stop(self) -> None:
        """End in an order in which nothing is lost: no more upstreams, then the last records, then the files."""
        async with AsyncExitStack() as stopping:
            stopping.push_async_callback(self.files.close)
            stopping.callback(self._report_last)
            stopping.push_async_callback(self.servers.stop)


def canonical(arguments: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys: what argument digests are taken over."""
    return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)


async def assemble(configuration: Configuration, *, ask_servers: bool = True) -> Remit:
    """Open everything and bring the stored grants back. Raises `ConfigurationInvalid`, `KeyFileError` or `Outage`.

    Without `ask_servers` no server is reached and no process started: for an administrative act alone.
    """
    registered = registry(configuration)
    files = await open_files(configuration, block_salts=BLOCK_SALTS if ask_servers else BLOCK_SALTS_COMMAND)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(files.close)
        remit = wire(configuration, registered, files)
        opened.push_async_callback(remit.servers.stop)
        await revive(remit, ask_servers=ask_servers)
        opened.pop_all()
    return remit


def wire(configuration: Configuration, registered: Registry, files: Files) -> Remit:
    """Every flow with what it needs; nothing is started. Raises `ConfigurationInvalid`."""
    changes, grants = InProcessChanges(), GrantBook()
    servers = reach_servers(configuration, files)
    servers.catalog.on_change(lambda _: changes.announce())
    policy = CedarEngine(configuration.policies_dir, servers.catalog.current, lambda: grants.epoch, _alarm)
    calls = TrackedCalls(in_flight_max=configuration.settings.limits.calls_in_flight_max)
    ledger, clock, entropy = files.ledger, files.clock, files.entropy
    sealer = AeadSealer([files.keys.sealing], entropy)
    delegate = Delegate(administrators(configuration), registered.accounts, files.store, clock)
    administer = Administer(delegate.configured, ledger, entropy, delegate.administrators)
    known = administered(configuration, registered, administer)
    granting = Granting(known, servers.catalog.current, grants, sealer)
    end_grant = EndGrant(grants, files.store, ledger, calls, servers.upstreams.end_grant, clock, entropy)
    walk = tool_call(configuration, files, servers, grants, policy, calls)
    sign_in, passkeys = signing_in(configuration, registered, files.store, ledger, sealer)
    return Remit(
        configuration=configuration,
        files=files,
        servers=servers,
        grants=grants,
        changes=changes,
        sealer=sealer,
        records=IndexedRecords(files.index),
        policy=policy,
        walk=walk,
        end_grant=end_grant,
        sign_in=sign_in,
        passkeys=passkeys,
        links=AccountLinks(sign_in, passkeys),
        administer=administer,
        propose=proposals(configuration, files),
        delegate=delegate,
        **authorization(configuration, files, granting, servers.fetcher, end_grant, walk)._asdict(),
    )


def _alarm(why: str) -> None:
    log.critical("policy_alarm", extra={"why": why})


def administered(configuration: Configuration, registered: Registry, administer: Administer) -> Registry:
    """With administration as something a token can be for, if it has an address."""
    settings = configuration.settings
    acr = Acr.PASSKEY if settings.admin_sign_in == "passkey" else Acr.PASSWORD
    return replace(registered, administration=AdminAudience(settings.admin_url, administer.held, acr))


def proposals(configuration: Configuration, files: Files) -> Propose:
    settings = configuration.settings
    acts = frozenset(settings.second_person)
    return Propose(acts, settings.proposal_ttl_s, files.store, files.clock, files.entropy)


def reach_servers(configuration: Configuration, files: Files) -> Servers:
    configs, limits = server_configs(configuration), configuration.settings.limits
    credentials = RegisteredCredentials(configs, sources(configuration), files.entropy)
    bounds = UpstreamLimits(
        reply_bytes_max=limits.reply_bytes_max,
        processes_max=limits.processes_max,
        process_idle_s=limits.process_idle_s_max,
    )
    launcher = LocalLauncher(os.environ.get("PATH", os.defpath))
    dialler = CheckedDialler()
    world = World(dialler, launcher, files.clock, bounds)
    upstreams = RegisteredUpstreams(configs, world, credentials.for_server)
    catalog = LiveCatalog(configs, upstreams, files.store, files.ledger, files.clock, files.entropy)
    upstreams.on_list_changed = catalog.hint
    return Servers(credentials, upstreams, launcher, CheckedFetcher(dialler), catalog)


def tool_call(
    configuration: Configuration,
    files: Files,
    servers: Servers,
    grants: GrantBook,
    policy: CedarEngine,
    calls: TrackedCalls,
) -> ToolCall:
    settings = configuration.settings
    return ToolCall(
        authenticator=TokenAuthenticator(files.keys.tokens, grants, files.clock, issuer=settings.public_url),
        grants=grants,
        catalog=servers.catalog.current,
        policy=policy,
        ledger=files.ledger,
        credentials=servers.credentials,
        reaper=servers.credentials,
        upstreams=servers.upstreams,
        calls=calls,
        clock=files.clock,
        entropy=files.entropy,
        call_s_max=settings.limits.call_s_max,
        canonical=canonical,
        durability=Durability(unsafe_async=settings.ledger.durable == "UnsafeAsync"),
    )


async def revive(remit: Remit, *, ask_servers: bool) -> None:
    """Grants first, then the catalog and the policies that speak of it."""
    used = await asyncio.to_thread(remit.files.index.calls_by_grant)
    sequence = await asyncio.to_thread(newest_store_sequence, remit.files.index)
    stored = await remit.files.store.sequence()
    if stored < sequence:
        log.critical("store_behind_ledger", extra={"store": stored, "ledger": sequence})
    loaded = await LoadGrants(
        remit.grants,
        remit.files.store,
        remit.files.ledger,
        remit.files.clock,
        remit.files.entropy,
        calls_used=lambda grant_id: used.get(grant_id, 0),
        ledger_sequence=sequence,
    ).load()
    await remit.sign_in.load()
    await remit.described.load()
    await remit.register.load()
    await remit.consent_rules.load()
    await remit.passkeys.load()
    await remit.authorize.load()
    await remit.redeem.load()
    await remit.push.load()
    await remit.propose.load()
    await remit.delegate.load()
    log.info("grants_loaded", extra={"live": loaded.live, "over": loaded.over, "voided": loaded.voided})
    pinned = await asyncio.to_thread(remit.files.index.servers_pinned)
    if ask_servers:
        remit.servers.upstreams.start()
        await remit.servers.catalog.start(pinned)
    else:
        await remit.servers.catalog.load(pinned)
    remit.record_policies("loaded", await remit.policy.load())
    log.info("assembled", extra={"version": __version__, "servers": len(remit.servers.catalog.current().servers)})
