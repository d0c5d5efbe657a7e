"""stdio servers as real processes: what they are given, who shares one, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from remit.adapters.upstream.registry import RegisteredUpstreams
from remit.adapters.upstream.world import UpstreamLimits
from remit.core.catalog import Era
from remit.core.errors import Invalid, Outage
from remit.core.lease import Credential, Lease
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from remit.core.registration import ServerConfig
from remit.core.request import Session
from remit.core.secret import Secret
from remit.ports.upstream import Message, Reply
from tests.scenes.upstream import CLIENT, NO_LEASE, KeptSink, a_leased, a_request, a_session, stdio, upstreams

CHILD = str(Path(__file__).parents[1] / "peers" / "stdio_child.py")
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}


def child(mode: str = "legacy", **changes: Any) -> ServerConfig:
    environment = {"MODE": mode, **changes.pop("environment", {})}
    return stdio(sys.executable, "-I", CHILD, environment=environment, **changes)


@contextlib.asynccontextmanager
async def running(
    mode: str = "legacy", *, limits: UpstreamLimits | None = None, **changes: Any
) -> AsyncIterator[RegisteredUpstreams]:
    async with upstreams(child(mode, **changes), limits) as remit:
        yield remit


async def call(
    remit: RegisteredUpstreams,
    tool: str,
    *,
    era: Era = Era.LEGACY,
    grant: str = "grant_1",
    session: Session | None = None,
    direct: bool = False,
    lease: Lease = NO_LEASE,
    sink: KeptSink | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Reply:
    """On the shared endpoint, where the process is started and shaken hands with on demand."""
    request = a_request(era=era, session=session, direct=direct)
    params = {"name": tool, "arguments": {}} | ({"_meta": meta} if meta is not None else {})
    work = remit.exchange(a_leased(request, grant=grant, lease=lease), params, sink or KeptSink())
    return await asyncio.wait_for(work, 10)


def said(reply: Reply) -> Any:
    return json.loads(json.loads(reply.value)["content"][0]["text"])


async def gone(pid: int) -> bool:
    """Whether the process ends within five seconds; a zombie counts as ended."""
    for _ in range(250):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        await asyncio.sleep(0.02)
    return False


# what a process is given --------------------------------------------------------------------------------------------
async def test_a_process_sees_the_named_variables_and_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_REMIT", "s3cret")
    lease = Lease("l", "env", "env:TOKEN", Credential(environment=(("TOKEN", Secret(b"t0ken")),)))
    async with running(environment={"TZ": "UTC"}) as remit:
        found = said(await call(remit, "who", lease=lease))
    environment = found["environment"]
    environment.pop("LC_CTYPE", None)  # Python sets it for itself
    assert environment == {"MODE": "legacy", "TZ": "UTC", "TOKEN": "t0ken"}
    assert found["cwd"] == "/"


async def test_a_process_leads_its_own_group_and_session() -> None:
    async with running() as remit:
        found = said(await call(remit, "who"))
    assert found["group"] == found["session"] == found["pid"] != os.getpid()


async def test_a_command_that_is_not_there_is_an_outage_of_this_server_alone() -> None:
    async with upstreams(stdio("no-such-program")) as remit:
        with pytest.raises(Outage) as caught:
            await call(remit, "who")
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert "no-such-program" in caught.value.detail


# who shares one -------------------------------------------------------------------------------------------------------
async def test_one_session_keeps_its_process_and_its_state() -> None:
    async with running() as remit:
        assert [said(await call(remit, "count")) for _ in range(3)] == [1, 2, 3]


async def test_two_sessions_of_one_grant_never_share_a_process() -> None:
    async with running() as remit:
        assert said(await call(remit, "count", session=a_session("a"))) == 1
        assert said(await call(remit, "count", session=a_session("b"))) == 1


@pytest.mark.parametrize("config", [{"stateful": True}, {"stateful": False, "environment": {"T": "${env:TOKEN}"}}])
async def test_two_grants_never_share_a_stateful_or_credentialed_process(config: dict[str, Any]) -> None:
    """G22"""
    async with running("modern", **config) as remit:
        assert said(await call(remit, "count", era=Era.MODERN)) == 1
        assert said(await call(remit, "count", era=Era.MODERN)) == 2
        assert said(await call(remit, "count", era=Era.MODERN, grant="grant_2")) == 1


async def test_two_grants_share_a_process_that_holds_neither_state_nor_credential() -> None:
    async with running("modern", stateful=False) as remit:
        assert said(await call(remit, "count", era=Era.MODERN)) == 1
        assert said(await call(remit, "count", era=Era.MODERN, grant="grant_2")) == 2


async def test_a_shared_process_cannot_speak_to_a_grant_it_does_not_name() -> None:
    sink = KeptSink()
    async with running("modern", stateful=False) as remit:
        await call(remit, "steal", era=Era.MODERN, sink=sink)
    assert sink.messages == []


async def test_a_rotated_credential_gets_a_new_process() -> None:
    def lease(token: bytes) -> Lease:
        return Lease("l", "env", "env:TOKEN", Credential(environment=(("TOKEN", Secret(token)),)))

    async with running("modern") as remit:
        before = said(await call(remit, "who", era=Era.MODERN, lease=lease(b"old")))
        after = said(await call(remit, "who", era=Era.MODERN, lease=lease(b"new")))
    assert (before["environment"]["TOKEN"], after["environment"]["TOKEN"]) == ("old", "new")


# messages -------------------------------------------------------------------------------------------------------------
async def test_the_clients_own_handshake_starts_its_process() -> None:
    """G7: with the client's own capabilities."""
    session = a_session("mine")
    request = a_request("initialize", era=Era.LEGACY, session=session)
    async with running() as remit:
        reply = await remit.exchange(a_leased(request), CLIENT, KeptSink())
        assert json.loads(json.loads(reply.value)["instructions"]) == CLIENT["capabilities"]
        assert said(await call(remit, "count", session=session, direct=True)) == 1


async def test_noise_on_stdout_reaches_nobody_and_hides_nothing() -> None:
    sink = KeptSink()
    async with running() as remit:
        assert said(await call(remit, "noise", sink=sink)) == "calm"
    assert sink.messages == []


async def test_a_second_answer_to_one_request_reaches_nobody() -> None:
    async with running() as remit:
        assert said(await call(remit, "twice")) == "first"
        assert said(await call(remit, "count")) == 1


async def test_progress_comes_back_under_the_clients_token() -> None:
    """G12"""
    sink = KeptSink()
    async with running("modern", stateful=False) as remit:
        await call(remit, "progress", era=Era.MODERN, sink=sink, meta=META | {"progressToken": "p-1"})
    assert [json.loads(data)["params"] for data in sink.data] == [{"progressToken": "p-1", "progress": 1}]


async def test_a_servers_request_goes_to_the_client_and_its_answer_back() -> None:
    class Client(KeptSink):
        async def interim(self, message: Message) -> None:
            await super().interim(message)
            leased = a_leased(a_request("session/answer", era=Era.LEGACY, direct=False))
            await remit.notify(leased, {"jsonrpc": "2.0", "id": "unasked", "result": {"forged": True}})
            await remit.notify(leased, {"jsonrpc": "2.0", "id": "q1", "result": {"ok": True}})

    sink = Client()
    async with running() as remit:
        assert said(await call(remit, "ask", sink=sink)) == {"ok": True}
    assert [json.loads(data)["method"] for data in sink.data] == ["sampling/createMessage"]


async def test_a_modern_server_that_asks_is_told_that_nobody_answers() -> None:
    sink = KeptSink()
    async with running("modern") as remit:
        assert said(await call(remit, "ask", era=Era.MODERN, sink=sink)) is None
    assert sink.messages == []


@pytest.mark.parametrize("era", [Era.LEGACY, Era.MODERN])
async def test_cancelling_a_call_is_said_in_both_eras(era: Era) -> None:
    """G11"""
    async with running("modern" if era is Era.MODERN else "legacy") as remit:
        await call(remit, "count", era=era)
        task = asyncio.ensure_future(call(remit, "silent", era=era))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled, called = said(await call(remit, "cancellations", era=era))
    assert cancelled == [called[1]]


async def test_a_line_without_end_is_cut_off_and_its_process_stopped() -> None:
    async with running(limits=UpstreamLimits(reply_bytes_max=100_000)) as remit:
        pid = said(await call(remit, "who"))["pid"]
        with pytest.raises(Outage) as caught:
            await call(remit, "flood")
        assert caught.value.reason is Reason.UPSTREAM_TOO_LARGE
        assert await gone(pid)


async def test_stderr_is_kept_for_operators_bounded_and_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "remit.upstream")
    lease = Lease("l", "env", "env:TOKEN", Credential(environment=(("TOKEN", Secret(b"t0ken")),)))
    async with running() as remit:
        reply = await call(remit, "stderr", lease=lease)
    assert said(reply) == "done"
    lines = [record.__dict__["line"] for record in caplog.records if record.msg == "server_stderr"]
    assert 0 < len(lines) <= 10
    assert all("t0ken" not in line for line in lines)
    assert "<secret>" in lines[0]


# how they end ---------------------------------------------------------------------------------------------------------
async def test_a_crash_fails_its_call_and_the_next_start_waits() -> None:
    async with running() as remit:
        with pytest.raises(Outage) as crashed:
            await call(remit, "crash")
        with pytest.raises(Outage) as waiting:
            await call(remit, "count")
        assert said(await call(remit, "count", grant="grant_2")) == 1
        await asyncio.sleep(0.6)
        assert said(await call(remit, "count")) == 1
    assert crashed.value.reason is waiting.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert "started again in" in waiting.value.detail


async def test_a_server_that_dies_at_once_is_an_outage() -> None:
    async with running("crash") as remit:
        with pytest.raises(Outage) as caught:
            await call(remit, "count")
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE


async def test_a_stateful_session_whose_process_died_is_unknown() -> None:
    session = a_session("mine")
    async with running() as remit:
        request = a_request("initialize", era=Era.LEGACY, session=session)
        await remit.exchange(a_leased(request), CLIENT, KeptSink())
        with pytest.raises(Outage):
            await call(remit, "crash", session=session, direct=True)
        with pytest.raises(Invalid) as caught:
            await call(remit, "count", session=session, direct=True)
    assert caught.value.reason is Reason.SESSION_UNKNOWN


async def test_a_stateful_server_without_sessions_is_started_again_for_its_endpoint() -> None:
    async with running("modern", stateful=True) as remit:
        first = said(await call(remit, "who", era=Era.MODERN, direct=True))
        assert remit.end_grant("grant_1") == 1
        assert said(await call(remit, "who", era=Era.MODERN, direct=True))["pid"] != first["pid"]


async def test_ending_a_grant_stops_its_processes_and_what_they_started_and_no_others() -> None:
    async with running() as remit:
        mine = said(await call(remit, "who"))["pid"]
        grandchild = said(await call(remit, "spawn"))
        other = said(await call(remit, "who", grant="grant_2"))["pid"]
        assert remit.end_grant("grant_1") == 1
        assert await gone(mine)
        assert await gone(grandchild)
        assert said(await call(remit, "who", grant="grant_2"))["pid"] == other


async def test_ending_a_grant_fails_its_call_in_flight() -> None:
    async with running() as remit:
        await call(remit, "count")
        task = asyncio.ensure_future(call(remit, "silent"))
        await asyncio.sleep(0.05)
        remit.end_grant("grant_1")
        with pytest.raises(Outage) as caught:
            await task
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE


async def test_closing_a_session_stops_its_process() -> None:
    async with running() as remit:
        pid = said(await call(remit, "who"))["pid"]
        await remit.close_session("peer", "grant_1", a_session())
        assert await gone(pid)


async def test_stopping_remit_leaves_no_process() -> None:
    async with running() as remit:
        pids = [said(await call(remit, "who", session=a_session(f"n{n}")))["pid"] for n in range(3)]
    assert [await gone(pid) for pid in pids] == [True] * 3


async def test_an_idle_process_makes_room_and_a_full_house_is_an_outage() -> None:
    async with running(limits=UpstreamLimits(processes_max=1)) as remit:
        first = said(await call(remit, "who"))["pid"]
        await call(remit, "count", grant="grant_2")
        assert await gone(first)
        task = asyncio.ensure_future(call(remit, "silent", grant="grant_2"))
        await asyncio.sleep(0.05)
        with pytest.raises(Outage) as caught:
            await call(remit, "count", grant="grant_3")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert "in use" in caught.value.detail


async def test_a_grant_with_too_many_processes_gives_up_its_own() -> None:
    async with running(limits=UpstreamLimits(processes_per_grant_max=2)) as remit:
        other = said(await call(remit, "who", grant="grant_2"))["pid"]
        first = said(await call(remit, "who", session=a_session("a")))["pid"]
        for nonce in ("b", "c"):
            await call(remit, "count", session=a_session(nonce))
        assert await gone(first)
        assert said(await call(remit, "who", grant="grant_2"))["pid"] == other


async def test_a_process_dies_with_remit_however_remit_dies(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, os, sys\n"
        "from remit.adapters.launcher.local import LocalLauncher\n"
        "from remit.ports.launcher import Command\n"
        "async def main():\n"
        "    make = asyncio.SubprocessProtocol\n"
        "    child = await asyncio.get_running_loop().subprocess_exec(make, *['true'])\n"
        "    made = []\n"
        "    class P(asyncio.SubprocessProtocol):\n"
        "        def connection_made(self, t): made.append(t.get_pid())\n"
        "    await LocalLauncher('/usr/bin:/bin').launch(P, Command(('/bin/sleep', '60'), {}, ''))\n"
        "    print(made[0], flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(parent.communicate(), 20)
    assert await gone(int(out))


async def test_a_successful_call_is_ok() -> None:
    async with running("modern") as remit:
        assert (await call(remit, "count", era=Era.MODERN)).status is OutcomeStatus.OK
