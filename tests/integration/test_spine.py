"""The spine on real parts: `remit serve` as a process, the official SDK client, real servers over HTTP and stdio.

One Remit serves the whole file; each test makes its own grants, so that none depends on another.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from tests.peers import launch, remit_process
from tests.peers.remit_process import RemitProcess

POLICY = """
@id("engineers-use-what-they-are-granted")
permit(principal in Role::"engineer", action, resource)
unless { action == Action::"modern/test_simple_text" && context.purpose.text == "nothing" };
"""


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    probe = Path(__file__).parents[1] / "peers" / "stdio_probe.py"
    with launch.everything("modern") as modern, launch.everything("legacy") as legacy:
        servers: dict[str, Any] = {
            "modern": {"http": {"url": modern}},
            "legacy": {"http": {"url": legacy}},
            "probe": {"stdio": {"command": [sys.executable, str(probe)], "environment": {"NAMED": "yes"}}},
            "dead": {"http": {"url": f"http://127.0.0.1:{remit_process.free_port()}/mcp"}},
            "theirs": {"http": {"url": modern}, "tenants": ["globex"]},
        }
        folder = tmp_path_factory.mktemp("spine")
        policies = {"acme/engineers.cedar": POLICY}
        with remit_process.remit_process(folder, servers, policies, surveyed=False) as running:
            wait_for(running, {"modern", "legacy", "probe", "theirs"})
            yield running


def wait_for(running: RemitProcess, names: set[str]) -> None:
    for _ in range(100):
        servers = running.cli("server", "list")["servers"] + [{"name": "theirs", "health": "ok"}]
        if names <= {server["name"] for server in servers if server["health"] == "ok"}:
            return
    raise AssertionError(servers)


async def using(url: str, token: str, tool: str, **arguments: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), read_timeout_seconds=30) as client,
    ):
        return await client.call_tool(tool, arguments)


def test_a_modern_and_a_legacy_server_are_called_by_the_same_unmodified_client(remit: RemitProcess) -> None:
    for server in ("modern", "legacy"):
        token = remit.token(f"/mcp/{server}")
        result = asyncio.run(using(f"{remit.url}/mcp/{server}", token, "test_simple_text"))
        assert not result.is_error
        assert "simple text" in result.content[0].text


def test_a_stdio_server_gets_an_empty_environment_and_its_own_process_group(remit: RemitProcess) -> None:
    result = asyncio.run(using(f"{remit.url}/mcp/probe", remit.token("/mcp/probe"), "describe_process"))
    found = result.structured_content
    assert set(found["environment"]) - {"LC_CTYPE"} == {"NAMED"}
    assert found["process_group"] == found["pid"]
    assert found["process_group"] != found["parent_group"]


def test_two_grants_never_share_a_stateful_process(remit: RemitProcess) -> None:
    first, second = remit.token("/mcp/probe"), remit.token("/mcp/probe")
    url = f"{remit.url}/mcp/probe"
    pids = [asyncio.run(using(url, token, "describe_process")).structured_content["pid"] for token in (first, second)]
    assert pids[0] != pids[1]


def test_a_tool_outside_the_grant_is_refused_and_its_twin_inside_runs(remit: RemitProcess) -> None:
    token = remit.token("/mcp/modern", "--tool", "modern/test_simple_text")
    url = f"{remit.url}/mcp/modern"
    assert not asyncio.run(using(url, token, "test_simple_text")).is_error
    with pytest.raises((MCPError, ExceptionGroup)):
        asyncio.run(using(url, token, "test_error_handling"))


def test_a_token_for_one_server_is_worthless_at_another(remit: RemitProcess) -> None:
    token = remit.token("/mcp/modern")
    answer = httpx2.post(f"{remit.url}/mcp/legacy", headers={"Authorization": f"Bearer {token}"}, json={})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_another_tenants_server_cannot_even_be_granted(remit: RemitProcess) -> None:
    given = ("--user", "engineer", "--client", "editor", "--purpose", "test")
    error = remit.cli("grant", "create", *given, "--resource", "/mcp/theirs", expect=4)["error"]
    assert error["reason"] == "server_unknown"


def test_a_dead_server_neither_empties_nor_delays_the_others(remit: RemitProcess) -> None:
    token = remit.token("/mcp")

    async def names() -> list[str]:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=5, trust_env=False) as http,
            Client(streamable_http_client(f"{remit.url}/mcp", http_client=http)) as client,
        ):
            return [tool.name for tool in (await client.list_tools()).tools]

    assert "test_simple_text" in " ".join(asyncio.run(names()))


def test_a_denial_is_explained_with_its_policy_and_nearest_permit(remit: RemitProcess) -> None:
    given = ("--user", "engineer", "--client", "editor", "--purpose", "nothing", "--resource", "/mcp/modern")
    token = remit.cli("grant", "create", *given)["access_token"]
    result = asyncio.run(using(f"{remit.url}/mcp/modern", token, "test_simple_text"))
    assert result.is_error
    decision = result.structured_content["io.remit/decision"]
    story = remit.cli("explain", decision["decision_id"])
    assert story["reason"] == "policy_no_permit"
    assert story["near_miss"]["policy"].startswith("engineers-use-what-they-are-granted")
    assert "engineers.cedar:2" in story["near_miss"]["policy"]


def test_revoking_a_user_ends_a_call_in_flight_and_the_child_process(remit: RemitProcess) -> None:
    token = remit.token("/mcp/probe")

    async def revoked_midway() -> tuple[dict[str, Any], Any]:
        calling = asyncio.create_task(using(f"{remit.url}/mcp/probe", token, "wait_for_ever"))
        while not (busy := [g for g in (await live(remit)) if g["calls_used"]]):
            pass
        ended = await asyncio.to_thread(remit.cli, "revoke", "--grant", busy[-1]["id"])
        return ended, (await asyncio.gather(calling, return_exceptions=True))[0]

    ended, outcome = asyncio.run(asyncio.wait_for(revoked_midway(), 40))
    assert ended["calls"] == 1
    assert ended["processes"] >= 1
    assert isinstance(outcome, BaseException)


async def live(remit: RemitProcess) -> list[dict[str, Any]]:
    grants = (await asyncio.to_thread(remit.cli, "grant", "list"))["grants"]
    return [grant for grant in grants if grant["state"] == "active" and grant["resource"].endswith("/probe")]


def test_every_decision_is_on_the_ledger_and_it_verifies(remit: RemitProcess) -> None:
    asyncio.run(using(f"{remit.url}/mcp/modern", remit.token("/mcp/modern"), "test_simple_text"))
    report = remit.cli("audit", "verify")
    assert report["verified"] is True
    assert report["records"] > 10


def test_a_killed_remit_comes_back_with_its_grants_and_a_ledger_that_verifies(tmp_path: Path) -> None:
    with launch.everything("modern") as modern:
        servers = {"modern": {"http": {"url": modern}}}
        with remit_process.remit_process(tmp_path, servers, {"acme/engineers.cedar": POLICY}) as running:
            token = running.token("/mcp/modern", "--calls-max", "2")
            url = f"{running.url}/mcp/modern"
            assert not asyncio.run(using(url, token, "test_simple_text")).is_error
            running.kill()
        again = remit_process.start(tmp_path, running.url)
        try:
            remit_process.wait_for_servers(again)
            assert not asyncio.run(using(url, token, "test_simple_text")).is_error
            spent = asyncio.run(using(url, token, "test_simple_text"))
            assert spent.is_error
            assert spent.structured_content["io.remit/decision"]["reason"] == "budget_exhausted"
            assert again.cli("audit", "verify")["verified"] is True
        finally:
            remit_process.stop(again)


def test_the_policy_set_that_stands_is_on_record_from_start_to_reload(remit: RemitProcess) -> None:
    remit.cli("policy", "reload")
    lines = [
        line for file in (remit.folder / "state" / "ledger").glob("*.jsonl") for line in file.read_text().splitlines()
    ]
    records = [record for record in map(json.loads, lines) if record["kind"] == "policy" and record["tenant"] == "acme"]
    assert [record["event"] for record in records] == ["loaded", "reloaded"]
    assert {record["policy_version"] for record in records} == {
        remit.cli("policy", "check")["tenants"]["acme"]["version"]
    }
