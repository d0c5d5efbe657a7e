"""The protected endpoint and the token endpoint over real HTTP: which refusal is which, that a token elsewhere than in
the header is none, and that a flood from one place leaves others alone.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest

from tests.peers.person import Asking, logged_in, token, with_person
from tests.peers.remit_process import RemitProcess

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("refusals")) as running:
        yield running


def call(remit: RemitProcess, tool: str, *, query: str = "", **headers: str) -> httpx2.Response:
    usual = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    params = {"name": tool, "arguments": {}, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    url = f"{remit.url}/mcp/probe{query}"
    return httpx2.post(url, json=body, headers=usual | headers, trust_env=False, timeout=30)


@pytest.fixture(scope="module")
def narrow(remit: RemitProcess) -> str:
    """A token for one tool of the two there are."""
    return remit.token("/mcp/probe", "--tool", "probe/describe_process")


def test_each_refusal_has_its_own_status_and_says_where_to_go(remit: RemitProcess, narrow: str) -> None:
    metadata = f'resource_metadata="{remit.url}/.well-known/oauth-protected-resource/mcp/probe"'
    for headers, status, words in (
        ({}, 401, 'Bearer scope="probe"'),
        ({"Authorization": "Bearer made.up.token"}, 401, 'error="invalid_token"'),
        ({"Authorization": f"Bearer {remit.token('/mcp')}"}, 401, 'error="invalid_token"'),
        ({"Authorization": "Basic YTpi"}, 400, 'error="invalid_request"'),
        ({"Authorization": f"Bearer {narrow} {narrow}"}, 400, 'error="invalid_request"'),
    ):
        answer = call(remit, "describe_process", **headers)
        said = answer.headers["www-authenticate"]
        assert (answer.status_code, words in said, metadata in said) == (status, True, True), said
        assert "result" not in answer.json()
    wider = call(remit, "wait_for_ever", Authorization=f"Bearer {narrow}")
    said = wider.headers["www-authenticate"]
    assert (wider.status_code, 'error="insufficient_scope"' in said, metadata in said) == (403, True, True)
    assert 'scope="probe:describe_process probe:wait_for_ever"' in said
    assert "offline_access" not in said
    served = call(remit, "describe_process", Authorization=f"Bearer {narrow}")
    assert (served.status_code, "www-authenticate" in served.headers) == (200, False)


def test_a_token_elsewhere_than_in_the_header_is_none(remit: RemitProcess, narrow: str) -> None:
    for query in (f"?access_token={narrow}", f"?token={narrow}", f"?Authorization=Bearer%20{narrow}"):
        assert call(remit, "describe_process", query=query).status_code == 401
    for headers in (
        {"Cookie": f"access_token={narrow}"},
        {"X-Access-Token": narrow},
        {"Proxy-Authorization": f"Bearer {narrow}"},
    ):
        assert call(remit, "describe_process", **headers).status_code == 401
    assert call(remit, "describe_process", Authorization=f"Bearer {narrow}").status_code == 200


def test_credentials_in_the_query_of_the_token_endpoint_are_not_read(remit: RemitProcess) -> None:
    asking, code = logged_in(remit)
    form = asking.exchange(code)
    url = f"{remit.url}/token?{urlencode({'code': form['code']})}"
    refused = httpx2.post(url, data=form, trust_env=False)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert token(remit, **form).status_code == 200


def from_another_place(remit: RemitProcess, form: dict[str, str]) -> int:
    """127.0.0.2 stands for it: the address is all that Remit sees of who is there."""
    place = urlsplit(remit.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, 30, source_address=("127.0.0.2", 0))
    try:
        connection.request("POST", "/token", urlencode(form), FORM)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_flood_from_one_place_is_told_to_wait_and_the_client_elsewhere_is_not(remit: RemitProcess) -> None:
    asking, code = logged_in(remit)
    made_up = asking.exchange("0" * 64)
    said = [from_another_place(remit, made_up) for _ in range(150)]
    assert (said[0], said[-1]) == (400, 429)
    assert from_another_place(remit, Asking(remit).exchange(code)) == 429
    assert token(remit, **asking.exchange(code)).status_code == 200
