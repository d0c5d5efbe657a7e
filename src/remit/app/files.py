"""What Remit keeps on disk: opened whole or not at all, made on a first start, never replaced."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from remit.adapters.clock.system import SystemClock, SystemEntropy
from remit.adapters.ledger.file import FileLedger, LedgerOptions
from remit.adapters.ledger.index import LedgerIndex
from remit.adapters.signer.file import FileKeys
from remit.adapters.store.sqlite import SqliteStore
from remit.app.settings import Configuration, ConfigurationInvalid

log = logging.getLogger("remit.app")


@dataclass(frozen=True, slots=True)
class Files:
    """What Remit keeps on disk, open, and the machine's clock and randomness."""

    clock: SystemClock
    entropy: SystemEntropy
    keys: FileKeys
    ledger: FileLedger
    index: LedgerIndex
    store: SqliteStore

    async def close(self) -> None:
        """The ledger first; the index then reads its last records. One that fails keeps no other from being closed."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self.store.close)
            closing.callback(self.index.close)
            closing.push_async_callback(asyncio.to_thread, self.index.catch_up)
            closing.callback(self.ledger.close)


async def open_files(configuration: Configuration, *, block_salts: int) -> Files:
    """Make what is missing on a first start. What is there and not as it should be is refused, never replaced."""
    settings, state = configuration.settings.ledger, configuration.state_dir
    os.umask(0o077)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_own(state)
    ignored = state / ".gitignore"
    if not ignored.exists():  # often in a checkout: `git add -A` must not publish the keys
        ignored.write_text("*\n")
    clock, entropy = SystemClock(), SystemEntropy()
    records, keys_dir = configuration.ledger_dir, configuration.keys_dir
    if records.exists():
        _require_own(records)
    if any(records.glob("*.jsonl")) and not (keys_dir / "ledger.json").exists():
        found = f"{records} has records, but {keys_dir} has no ledger key; restore it from a backup"
        raise ConfigurationInvalid([found])
    keys = FileKeys(keys_dir, clock=clock)
    ledger = FileLedger(
        records,
        keys.ledger,
        clock,
        entropy,
        loop=asyncio.get_running_loop(),
        options=LedgerOptions(
            heartbeat_s=settings.heartbeat_s,
            sync_each_turn=settings.durable != "UnsafeAsync",
            block_salts=block_salts,
        ),
        on_failure=lambda why: log.critical("ledger_failed", extra={"why": why}),
    )
    if ledger.left.damaged:
        log.critical("ledger_damaged", extra={"next": "remit audit verify"})
    async with AsyncExitStack() as opened:
        opened.callback(ledger.close)
        index = LedgerIndex(state / "ledger-index.sqlite3", records)
        opened.callback(index.close)
        store = await SqliteStore.open(configuration.store_path, keys.store)
        opened.pop_all()
    return Files(clock, entropy, keys, ledger, index, store)


def _require_own(folder: Path) -> None:
    """Whoever may write to the folder may put another administration socket, store or ledger in place of ours."""
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise ConfigurationInvalid([f"state_dir: {folder} belongs to uid {found.st_uid}, expected {os.geteuid()}"])
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationInvalid([f"state_dir: others may write to {folder}; chmod go-w {folder}"])
