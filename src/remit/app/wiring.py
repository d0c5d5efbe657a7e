"""Which adapter stands behind which port. Read top to bottom: what is built later uses what is built before."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from remit import __version__
from remit.adapters.authenticator.access_tokens import TokenAuthenticator
from remit.adapters.calls.tracked import TrackedCalls
from remit.adapters.changes.inprocess import InProcessChanges
from remit.adapters.clock.system import SystemClock, SystemEntropy
from remit.adapters.credentials.registered import RegisteredCredentials
from remit.adapters.credentials.sources import EnvironmentSource, FileSource, Source
from remit.adapters.dialler.checked import CheckedDialler
from remit.adapters.launcher.local import LocalLauncher
from remit.adapters.ledger.file import FileLedger, LedgerOptions
from remit.adapters.ledger.index import LedgerIndex
from remit.adapters.policy.engine import CedarEngine
from remit.adapters.sealer.aead import AeadSealer
from remit.adapters.signer.file import FileKeys
from remit.adapters.store.sqlite import SqliteStore
from remit.adapters.upstream.registry import RegisteredUpstreams
from remit.adapters.upstream.world import UpstreamLimits, World
from remit.app.catalog import CatalogService
from remit.app.records import IndexedRecords, newest_store_sequence
from remit.app.registration import server_configs
from remit.app.registry import administrators, registry
from remit.app.settings import Configuration
from remit.core.grantbook import GrantBook
from remit.flows.administer import Administer
from remit.flows.create_grant import CreateGrant, GrantLimits
from remit.flows.end_grant import EndGrant
from remit.flows.load_grants import LoadGrants
from remit.flows.tool_call import Durability, ToolCall

log = logging.getLogger("remit.app")


@dataclass(slots=True)
class Remit:
    """One running Remit without its sockets: every flow, wired."""

    configuration: Configuration
    clock: SystemClock
    entropy: SystemEntropy
    keys: FileKeys
    ledger: FileLedger
    index: LedgerIndex
    records: IndexedRecords
    store: SqliteStore
    grants: GrantBook
    changes: InProcessChanges
    sealer: AeadSealer
    upstreams: RegisteredUpstreams
    catalog: CatalogService
    policy: CedarEngine
    walk: ToolCall
    create_grant: CreateGrant
    end_grant: EndGrant
    administer: Administer

    async def stop(self) -> None:
        """End in an order in which nothing is lost: no more upstreams, then the last records, then the files."""
        await self.catalog.stop()
        await self.upstreams.stop()
        try:
            self.ledger.close()
        finally:  # a ledger that failed earlier says so once more; the other files are closed all the same
            await asyncio.to_thread(self.index.catch_up)
            self.index.close()
            await self.store.close()


def canonical(arguments: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys: what argument digests are taken over."""
    return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)


async def assemble(configuration: Configuration) -> Remit:
    """Open everything and bring the stored grants back. Raises `ConfigurationInvalid`, `KeyFileError` or `Outage`."""
    settings, state = configuration.settings, configuration.state_dir
    os.umask(0o077)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock, entropy = SystemClock(), SystemEntropy()
    registered = registry(configuration)
    configs = server_configs(configuration)
    keys = FileKeys(state / "keys", clock=clock)
    ledger = FileLedger(
        state / "ledger",
        keys.ledger,
        clock,
        entropy,
        loop=asyncio.get_running_loop(),
        options=LedgerOptions(
            heartbeat_s=settings.ledger.heartbeat_s, sync_each_turn=settings.ledger.durable != "UnsafeAsync"
        ),
        on_failure=lambda why: log.critical("ledger_failed", extra={"why": why}),
    )
    index = LedgerIndex(state / "ledger-index.sqlite3", state / "ledger")
    store = await SqliteStore.open(state / "store.sqlite3", keys.store)
    grants = GrantBook()
    changes = InProcessChanges()
    files = FileSource()
    sources: dict[str, Source] = {
        "env": EnvironmentSource(os.environ),
        "file": lambda name: files(str(configuration.path(name))),
    }
    credentials = RegisteredCredentials(configs, sources, entropy)
    limits = settings.limits
    world = World(
        CheckedDialler(),
        LocalLauncher(os.environ.get("PATH", os.defpath)),
        clock,
        UpstreamLimits(
            reply_bytes_max=limits.reply_bytes_max,
            processes_max=limits.processes_max,
            process_idle_s=limits.process_idle_s_max,
        ),
    )
    upstreams = RegisteredUpstreams(configs, world, credentials.for_server)
    catalog = CatalogService(configs, upstreams, store, ledger, clock, entropy)
    catalog.on_change(lambda _: changes.announce())
    policy = CedarEngine(
        configuration.policies_dir,
        catalog.current,
        lambda: grants.epoch,
        lambda why: log.critical("policy_alarm", extra={"why": why}),
    )
    calls = TrackedCalls(in_flight_max=limits.calls_in_flight_max)
    walk = ToolCall(
        authenticator=TokenAuthenticator(keys.tokens, grants, clock, issuer=registered.issuer),
        grants=grants,
        catalog=catalog.current,
        policy=policy,
        ledger=ledger,
        credentials=credentials,
        reaper=credentials,
        upstreams=upstreams,
        calls=calls,
        clock=clock,
        entropy=entropy,
        call_s_max=limits.call_s_max,
        canonical=canonical,
        durability=Durability(unsafe_async=settings.ledger.durable == "UnsafeAsync"),
    )
    remit = Remit(
        configuration=configuration,
        clock=clock,
        entropy=entropy,
        keys=keys,
        ledger=ledger,
        index=index,
        records=IndexedRecords(index),
        store=store,
        grants=grants,
        changes=changes,
        sealer=AeadSealer([keys.sealing], entropy),
        upstreams=upstreams,
        catalog=catalog,
        policy=policy,
        walk=walk,
        create_grant=CreateGrant(
            registered, catalog.current, grants, store, ledger, keys.tokens, clock, entropy, GrantLimits()
        ),
        end_grant=EndGrant(grants, store, ledger, calls, upstreams.end_grant, clock, entropy),
        administer=Administer(administrators(configuration), ledger, entropy),
    )
    await revive(remit)
    return remit


async def revive(remit: Remit) -> None:
    """Grants first, then the catalog and the policies that speak of it."""
    used = await asyncio.to_thread(remit.index.calls_by_grant)
    sequence = await asyncio.to_thread(newest_store_sequence, remit.index)
    loaded = await LoadGrants(
        remit.grants,
        remit.store,
        remit.ledger,
        remit.clock,
        remit.entropy,
        calls_used=lambda grant_id: used.get(grant_id, 0),
        ledger_sequence=sequence,
    ).load()
    log.info("grants_loaded", extra={"live": loaded.live, "over": loaded.over, "voided": loaded.voided})
    remit.upstreams.start()
    await remit.catalog.start()
    for fault in await remit.policy.load():
        log.error("policy_fault", extra={"at": str(fault)})
    log.info("assembled", extra={"version": __version__, "servers": len(remit.catalog.current().servers)})
