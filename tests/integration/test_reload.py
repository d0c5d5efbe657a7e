"""Policies read again by a signal: nobody waits for the answer, so the log has to tell what became of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from remit.adapters.policy.engine import CedarEngine
from remit.app import serve
from remit.app.sections import Settings
from remit.app.settings import Configuration
from tests.peers import remit_process


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[None]:
    """A Remit on this loop, which answers signals."""
    settings = msgspec.convert(remit_process.configuration(remit_process.free_port(), {}), Settings)
    ready = asyncio.Event()
    running = asyncio.create_task(serve._until_signal(Configuration(settings, folder), lambda said: ready.set()))
    try:
        async with asyncio.timeout(20):
            await ready.wait()
        yield
    finally:
        if not running.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await running


async def said(caplog: pytest.LogCaptureFixture, event: str) -> Any:
    """The first line of this name; waits for it."""
    async with asyncio.timeout(10):
        while True:
            for record in caplog.records:
                if record.message == event:
                    return record
            await asyncio.sleep(0.01)


async def test_a_reload_that_breaks_is_told_and_the_next_one_is_carried_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: CedarEngine) -> tuple[()]:
        raise RuntimeError("the disk is on fire")

    caplog.set_level("INFO")
    async with serving(tmp_path):
        with monkeypatch.context() as patch:
            patch.setattr(CedarEngine, "reload", broken)
            os.kill(os.getpid(), signal.SIGHUP)
            assert "the disk is on fire" in str((await said(caplog, "reload_failed")).exc_info[1])
        caplog.clear()
        os.kill(os.getpid(), signal.SIGHUP)
        assert (await said(caplog, "policy_sets")).event == "reloaded"


async def test_faults_found_by_a_signal_are_told_one_by_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with serving(tmp_path):
        (tmp_path / "policies" / "acme").mkdir(parents=True)
        (tmp_path / "policies" / "acme" / "a.cedar").write_text("permit (")
        os.kill(os.getpid(), signal.SIGHUP)
        assert (await said(caplog, "policy_fault")).at.startswith("acme/a.cedar:1:")
