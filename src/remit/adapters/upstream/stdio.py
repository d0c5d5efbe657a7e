"""A server over stdio: which process serves which grant, and its life from start to stop."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from remit.adapters.upstream.mailbox import Mailbox
from remit.adapters.upstream.process import Flight, StdioProcess
from remit.adapters.upstream.stderr import StderrTail
from remit.adapters.upstream.world import World, log
from remit.core.access import Resolved
from remit.core.catalog import Era
from remit.core.errors import Refusal, refuse
from remit.core.lease import Credential, Lease, Leased
from remit.core.reasons import Reason
from remit.core.registration import REFERENCE, ServerConfig, Stdio
from remit.core.request import McpRequest, Session
from remit.core.secret import Secret
from remit.ports.launcher import Command
from remit.ports.upstream import Message, Reply, Sink

BACKOFF_S_MIN = 0.5
BACKOFF_S_MAX = 30.0
# A process that lived this long was well: its crash does not count towards the backoff.
WELL_AFTER_S = 60.0
CRASHES_KEPT = 1024
SURVEY = "=survey"  # a handle no nonce equals


@dataclass(frozen=True, slots=True)
class Key:
    """Who a process is for. Legacy: one client session. Modern: one grant; or, with neither credential nor state, one
    tenant (`grant` empty)."""

    era: Era
    grant: str
    handle: str


@dataclass(slots=True)
class Slot:
    process: StdioProcess
    credential: Credential
    started_s: float
    used_s: float


@dataclass(slots=True)
class Crashes:
    count: int = 0
    retry_at_s: float = 0.0


class StdioUpstream:
    """One registered stdio server and its processes."""

    def __init__(self, config: ServerConfig, transport: Stdio, world: World) -> None:
        self._config = config
        self._world = world
        self._directory = transport.directory
        self._arguments = (world.launcher.resolve(transport.command[0]), *transport.command[1:])
        self._plain = {name: value for name, value in transport.environment.items() if not REFERENCE.search(value)}
        self._slots: dict[Key, Slot] = {}
        self._launching = 0
        self._leaving: list[StdioProcess] = []
        self._starting: dict[Key, asyncio.Task[Slot]] = {}
        self._crashes: OrderedDict[Key, Crashes] = OrderedDict()

    # the port -------------------------------------------------------------------------------------------------
    async def exchange(self, leased: Leased, params: Mapping[str, Any], sink: Sink) -> Reply:
        resolved = leased.recorded.permitted.access.resolved
        request, key = resolved.request, self._key(resolved)
        if request.era is Era.LEGACY and request.method == "initialize":
            return await self._initialize(key, leased.lease.credential, request, params, sink)
        slot = await self._slot(key, leased.lease.credential, request)
        return await self._carry(key, slot, request, params, sink)

    async def notify(self, leased: Leased, body: Mapping[str, Any]) -> None:
        resolved = leased.recorded.permitted.access.resolved
        slot = self._slots.get(self._key(resolved))
        if slot is None:
            return
        process = slot.process
        if "method" not in body:
            if process.answers(body):
                process.write(orjson.dumps(body))
            return
        if body["method"] == "notifications/cancelled":
            params = body.get("params")
            named = orjson.dumps(params.get("requestId")) if isinstance(params, Mapping) else b""
            flight = process.flight_of(named)
            if flight is not None:
                process.cancel(flight)
            return
        process.write(orjson.dumps(body))

    async def listen(self, leased: Leased, last_event_id: str, sink: Sink) -> None:
        """What the session's process says outside any request. There is nothing to resume over stdio."""
        resolved = leased.recorded.permitted.access.resolved
        slot = await self._slot(self._key(resolved), leased.lease.credential, resolved.request)
        mailbox: Mailbox[Message | Reply] = Mailbox()
        slot.process.listener = mailbox
        try:
            while True:
                value = await mailbox.get()
                if isinstance(value, Message):
                    await sink.interim(value)
        finally:
            if slot.process.listener is mailbox:
                slot.process.listener = None

    async def close_session(self, grant_id: str, session: Session) -> None:
        self._stop(Key(Era.LEGACY, grant_id, session.nonce), "the session was closed")

    def end_grant(self, grant_id: str) -> int:
        mine = [key for key in self._slots if key.grant == grant_id]
        for key in [key for key in self._starting if key.grant == grant_id]:
            self._starting.pop(key).cancel()
        return sum(self._stop(key, "the grant ended") for key in mine)

    def sweep(self, now_s: float) -> None:
        idle_s_max = self._world.limits.process_idle_s
        for key, slot in list(self._slots.items()):
            if not slot.process.busy and now_s - slot.used_s > idle_s_max:
                self._stop(key, "idle")

    async def close(self) -> None:
        """Stop every process and see it gone."""
        for task in self._starting.values():
            task.cancel()
        for key in list(self._slots):
            self._stop(key, "Remit is stopping")
        gone = [
            asyncio.ensure_future(process.exited.wait()) for process in self._leaving if not process.exited.is_set()
        ]
        if gone:
            _, late = await asyncio.wait(gone, timeout=self._world.limits.stop_grace_s + 1.0)
            for waiting in late:
                waiting.cancel()

    async def channel(self, era: Era, lease: Lease) -> StdioChannel:
        """A process for one survey, with the server's own credential and for nobody's grant."""
        key = Key(era, "", SURVEY)
        self._stop(key, "another survey begins")
        return StdioChannel(self, key, await self._launch(key, lease.credential))

    async def request(self, key: Key, slot: Slot, method: str, params: Mapping[str, Any]) -> Reply:
        """A request of a channel."""
        flight = slot.process.begin(self._world.ids.take(), b"0", method, params)
        try:
            return await _reply(flight, None)
        finally:
            slot.process.end(flight)

    def stop(self, key: Key) -> None:
        self._stop(key, "the survey is over")

    def stderr(self) -> list[str]:
        """The last lines of every running process, for an operator."""
        return [line for slot in self._slots.values() for line in slot.process.stderr.lines]

    # requests -------------------------------------------------------------------------------------------------
    async def _carry(self, key: Key, slot: Slot, request: McpRequest, params: Mapping[str, Any], sink: Sink) -> Reply:
        process = slot.process
        slot.used_s = self._world.clock.monotonic_s()
        flight = process.begin(self._world.ids.take(), request.id, request.method, params)
        try:
            return await _reply(flight, sink)
        except asyncio.CancelledError:
            if request.method == "initialize":  # which may not be cancelled: its process goes instead
                self._stop(key, "the handshake was abandoned")
            else:
                process.cancel(flight)
            raise
        except Refusal as refusal:
            if refusal.reason is Reason.UPSTREAM_TOO_LARGE:
                self._stop(key, "flooding")
            raise
        finally:
            process.end(flight)
            slot.used_s = self._world.clock.monotonic_s()

    async def _initialize(
        self, key: Key, credential: Credential, request: McpRequest, params: Mapping[str, Any], sink: Sink
    ) -> Reply:
        """The client's own handshake starts its own process."""
        self._stop(key, "the session was opened again")
        slot = await self._launch(key, credential)
        try:
            reply = await asyncio.wait_for(self._carry(key, slot, request, params, sink), self._world.limits.start_s)
        except TimeoutError:
            raise refuse(Reason.UPSTREAM_TIMEOUT, "the server did not answer initialize in time") from None
        if reply.member == "error":
            self._stop(key, "the handshake was refused")
        return reply

    async def _slot(self, key: Key, credential: Credential, request: McpRequest) -> Slot:
        """The running process for the key, started if it may be. Raises `Outage`, or `Invalid` when a session's state
        is gone with its process: the client opens a new one."""
        slot = self._slots.get(key)
        if slot is not None and slot.process.alive:
            rotated = slot.credential is not credential and key.era is Era.MODERN
            if not rotated or slot.process.busy:
                return slot
            self._stop(key, "its credential changed")
        if key.era is Era.LEGACY and request.endpoint.server and self._config.stateful:
            raise refuse(Reason.SESSION_UNKNOWN, "the session's process is gone, and its state with it")
        task = self._starting.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._start(key, credential, request.session))
            self._starting[key] = task
            task.add_done_callback(lambda done: self._started(key, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise refuse(Reason.UPSTREAM_UNREACHABLE, "the server's process was stopped while it started") from None
            raise

    def _started(self, key: Key, task: asyncio.Task[Slot]) -> None:
        if self._starting.get(key) is task:
            del self._starting[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; if they all left, nobody needs it

    async def _start(self, key: Key, credential: Credential, session: Session | None) -> Slot:
        slot = await self._launch(key, credential)
        if key.era is Era.MODERN:
            return slot
        if session is None:
            raise refuse(Reason.SESSION_MISSING, "a legacy request needs a session")
        try:
            await asyncio.wait_for(self._handshake(slot, session.client), self._world.limits.start_s)
        except TimeoutError:
            self._stop(key, "the handshake timed out")
            raise refuse(Reason.UPSTREAM_TIMEOUT, "the server did not answer initialize in time") from None
        except BaseException:
            self._stop(key, "the handshake failed")
            raise
        return slot

    async def _handshake(self, slot: Slot, client: Mapping[str, Any]) -> None:
        flight = slot.process.begin(self._world.ids.take(), b"", "initialize", client)
        reply = await _reply(flight, None)
        if reply.member != "result":
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "the server refused to open a session")
        slot.process.write(orjson.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))

    # processes ------------------------------------------------------------------------------------------------
    async def _launch(self, key: Key, credential: Credential) -> Slot:
        now_s = self._world.clock.monotonic_s()
        crashes = self._crashes.get(key)
        if crashes is not None and now_s < crashes.retry_at_s:
            wait_s = crashes.retry_at_s - now_s
            raise refuse(
                Reason.UPSTREAM_UNREACHABLE, f"the server's process crashed; it is started again in {wait_s:.1f} s"
            )
        self._make_room(key)
        limits = self._world.limits
        tail = StderrTail(self._config.name, credential, self._world.clock.monotonic_s)
        process = StdioProcess(
            key.era, tail, lambda ended: self._ended(key, ended), exclusive=bool(key.grant),
            message_bytes_max=limits.reply_bytes_max,
        )  # fmt: skip
        environment: dict[str, str | Secret] = {**self._plain, **dict(credential.environment)}
        command = Command(self._arguments, environment, self._directory)
        self._launching += 1
        try:
            await self._world.launcher.launch(lambda: process, command)
        finally:
            self._launching -= 1
        slot = Slot(process, credential, now_s, now_s)
        self._slots[key] = slot
        log.info("process_started", extra={"server": self._config.name, "pid": process.pid, "grant": key.grant})
        if not process.alive:  # it ended before we looked
            self._ended(key, process)
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "the server's process ended as soon as it was started")
        return slot

    def _make_room(self, wanted: Key) -> None:
        """Stop the process that was idle the longest when there are too many: of this grant first, then of any."""
        limits = self._world.limits
        mine = [key for key in self._slots if wanted.grant and key.grant == wanted.grant]
        if len(mine) >= limits.processes_per_grant_max:
            self._stop_idlest(mine, "the grant has too many processes")
        elif len(self._slots) + self._launching >= limits.processes_max:
            self._stop_idlest(list(self._slots), "another grant needs its place")

    def _stop_idlest(self, keys: list[Key], why: str) -> None:
        idle = [key for key in keys if not self._slots[key].process.busy]
        if not idle:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, f"all {len(keys)} processes of the server are in use")
        self._stop(min(idle, key=lambda key: self._slots[key].used_s), why)

    def _stop(self, key: Key, why: str) -> bool:
        """End a key's process on purpose: it is forgotten first, so that its end is no crash."""
        slot = self._slots.pop(key, None)
        if slot is None:
            return False
        slot.process.finish(refuse(Reason.UPSTREAM_UNREACHABLE, f"the server's process was stopped: {why}"))
        self._end_group(slot.process)
        log.info("process_stopped", extra={"server": self._config.name, "pid": slot.process.pid, "why": why})
        return True

    def _end_group(self, process: StdioProcess) -> None:
        self._leaving = [leaving for leaving in self._leaving if not leaving.exited.is_set()] + [process]
        self._world.launcher.stop(process.pid, grace_s=self._world.limits.stop_grace_s)

    def _ended(self, key: Key, process: StdioProcess) -> None:
        """A process ended by itself, or broke the protocol. Its group is ended too, and its next start waits."""
        slot = self._slots.get(key)
        if slot is None or slot.process is not process:
            return
        del self._slots[key]
        self._end_group(process)
        now_s = self._world.clock.monotonic_s()
        crashes = self._crashes.pop(key, None) or Crashes()
        crashes.count = 1 if now_s - slot.started_s > WELL_AFTER_S else crashes.count + 1
        crashes.retry_at_s = now_s + min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2 ** min(crashes.count - 1, 10))
        self._crashes[key] = crashes
        while len(self._crashes) > CRASHES_KEPT:
            self._crashes.popitem(last=False)
        log.warning("process_crashed", extra={"server": self._config.name, "pid": process.pid, "count": crashes.count})

    def _key(self, resolved: Resolved) -> Key:
        grant, request = resolved.consented.bound.live.grant, resolved.request
        if request.era is Era.LEGACY:
            if request.session is None:
                raise refuse(Reason.SESSION_MISSING, "a legacy request needs a session")
            return Key(Era.LEGACY, grant.id, request.session.nonce)
        if self._config.stateful or self._config.credential != "none":
            return Key(Era.MODERN, grant.id, "")
        return Key(Era.MODERN, "", grant.tenant)


class StdioChannel:
    """One era's conversation with a process, for the catalog."""

    def __init__(self, upstream: StdioUpstream, key: Key, slot: Slot) -> None:
        self._upstream = upstream
        self._key = key
        self._slot = slot

    async def request(self, method: str, params: Mapping[str, Any]) -> Reply:
        return await self._upstream.request(self._key, self._slot, method, params)

    async def initialized(self, version: str, session: str) -> None:
        self._slot.process.write(orjson.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))

    def close(self) -> None:
        self._upstream.stop(self._key)


async def _reply(flight: Flight, sink: Sink | None) -> Reply:
    while True:
        value = await flight.mailbox.get()
        if isinstance(value, Reply):
            return value
        if sink is not None:
            await sink.interim(value)
