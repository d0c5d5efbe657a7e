"""Administration over HTTP, the whole way: an administrator lets a client act for them, and it does so, and no more."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.administration import ADMINISTRATORS, Administered, Api, administered
from tests.peers.browser import Browser
from tests.peers.person import Asking, begun, listed, logged_in, token

JSON = {"Content-Type": "application/json"}
WANTED = {"user": "engineer", "client": "editor", "purpose": "look around"}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    with administered(tmp_path_factory.mktemp("administered")) as running:
        yield running


@pytest.fixture(scope="module")
def api(remit: Administered) -> Api:
    return remit.api()


def test_a_client_that_was_let_do_an_act_does_it_and_the_record_names_both(remit: Administered) -> None:
    api = remit.api("status", "grant.list", "audit.read")
    assert api.get("/v1/status")["version"]
    assert api.get("/v1/grants")["grants"]
    records = api.get("/v1/records", params={"limit": 1000})["records"]
    (record,) = [found for found in records if found.get("act") == "status" and "through_grant" in found][-1:]
    assert (record["administrator"], record["through_account"], record["through_client"]) == (
        "engineer", "engineer", "desktop",
    )  # fmt: skip


def test_it_does_no_other_act_and_is_told_which_scope_would_let_it(remit: Administered) -> None:
    answer = remit.api("status").ask("GET", "/v1/grants")
    assert (answer.status_code, answer.json()["reason"]) == (403, "insufficient_scope")
    said = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in said
    assert 'scope="remit:grant.list"' in said
    assert f'resource_metadata="{remit.url}/.well-known/oauth-protected-resource"' in said


def test_a_client_learns_from_the_401_where_to_get_a_token(remit: Administered) -> None:
    answer = Api(remit.url).ask("GET", "/v1/status")
    assert (answer.status_code, answer.json()["reason"]) == (401, "token_missing")
    assert answer.headers["Content-Type"] == "application/problem+json"
    where = answer.headers["WWW-Authenticate"].partition('resource_metadata="')[2].rstrip('"')
    document = Api(remit.url).get(where.removeprefix(remit.url))
    assert (document["resource"], document["authorization_servers"]) == (remit.url, [remit.remit.url])


def test_an_auditor_reads_everything_and_changes_nothing(remit: Administered) -> None:
    auditor = remit.api(account="auditor")
    assert {grant["tenant"] for grant in auditor.get("/v1/grants")["grants"]} <= {"acme", "globex"}
    assert auditor.get("/v1/records")["records"]
    for path, body in (
        ("/v1/grants", WANTED),
        ("/v1/policies/reload", None),
        ("/v1/revocations", {"everything": True}),
    ):
        assert auditor.post(path, body, expect=403)["reason"] == "role_missing"


def test_the_page_says_what_each_act_does_and_ticks_what_was_asked_for(remit: Administered) -> None:
    page = begun(Browser(remit.remit.url), Asking(remit.remit, resource=remit.url, scope="remit:revoke").url)
    assert "This is administration" in page.text
    assert "remit:revoke end the grants of people" in page.text
    assert [name for name in page.form("/consent").fields if name.startswith("scope-")] == ["scope-remit:revoke"]
    assert 'name="scope-remit:revoke" value="yes" checked' in page.body
    unspecified = begun(Browser(remit.remit.url), Asking(remit.remit, resource=remit.url).url)
    assert "checked" not in unspecified.body
    assert "scope-remit:key.rotate" not in unspecified.form("/consent").fields


def test_whoever_administers_nothing_is_offered_nothing(remit: Administered) -> None:
    page = begun(Browser(remit.remit.url), Asking(remit.remit, resource=remit.url, scope="remit").url, "nobody")
    assert (page.status, "your account does not reach" in page.text) == (403, True)


def test_such_a_grant_is_short_and_opens_nothing_else(remit: Administered) -> None:
    made = remit.tokens("status", "grant.list")
    grants = Api(remit.url, made["access_token"]).get("/v1/grants", params={"client": "desktop"})["grants"]
    (grant,) = [found for found in grants if found["scopes"] == ["remit:grant.list", "remit:status"]]
    assert grant["expires_at_s"] - grant["created_at_s"] <= 3600
    assert made["expires_in"] <= 300
    assert (grant["resource"], grant["environment"]) == (remit.url, "")
    assert listed(remit.remit, made["access_token"]) == 401
    asking, code = logged_in(remit.remit)
    of_mcp = token(remit.remit, **asking.exchange(code)).json()["access_token"]
    assert listed(remit.remit, of_mcp) == 200
    assert Api(remit.url, of_mcp).get("/v1/status", expect=401)["reason"] == "token_audience"


def test_nobody_makes_such_a_grant_in_another_s_name(remit: Administered, api: Api) -> None:
    refused = api.post("/v1/grants", WANTED | {"resource": remit.url}, expect=403)
    assert refused["reason"] == "outside_grant"
    remit.remit.cli(
        "grant", "create", "--user", "engineer", "--client", "editor", "--purpose", "p", "--resource", remit.url,
        expect=4,
    )  # fmt: skip


def test_revoking_the_administrator_ends_what_clients_do_for_them(remit: Administered) -> None:
    auditor = remit.api(account="auditor")
    assert auditor.get("/v1/status")
    remit.remit.cli("revoke", "--user", "auditor")
    assert auditor.get("/v1/status", expect=401)["reason"] == "grant_ended"


def test_a_grant_is_made_used_and_ended(remit: Administered, api: Api) -> None:
    made = api.post("/v1/grants", WANTED | {"resource": "/mcp/probe", "ttl_s": 60, "calls_max": 3}, expect=201)
    assert listed(remit.remit, made["access_token"]) == 200
    assert api.post(f"/v1/grants/{made['grant']['id']}/end")["grants"] == [made["grant"]["id"]]
    assert listed(remit.remit, made["access_token"]) == 401
    assert api.post("/v1/grants/grt_never/end")["grants"] == []


def test_what_is_tried_again_under_its_key_is_done_once(api: Api) -> None:
    def made(key: str, expect: int = 201, **changes: str) -> str:
        answer = api.post("/v1/grants", WANTED | changes, expect=expect, headers={"Idempotency-Key": key})
        return str(answer["grant"]["id"] if expect == 201 else answer["reason"])

    first = made("one")
    assert made("one") == first
    assert made("two") != first
    assert made("one", expect=422, purpose="another") == "invalid_params"
    assert made("three", expect=422, client="none") == "invalid_params"
    assert made("three")  # nothing was done under it, so it is free
    assert api.post("/v1/policies/reload", expect=422, headers={"Idempotency-Key": "x"})["reason"] == "invalid_params"


def test_records_are_read_a_page_at_a_time(api: Api) -> None:
    whole = [record["seq"] for record in api.get("/v1/records", params={"limit": 1000})["records"]]
    read, after, more = list[int](), 0, True
    while more and len(read) < len(whole):
        page = api.get("/v1/records", params={"limit": 7, "after": after})
        assert len(page["records"]) <= 7  # those of another tenant are left out
        read += [record["seq"] for record in page["records"]]
        after, more = page["after"], page["more"]
    assert read[: len(whole)] == whole
    assert api.get("/v1/records", params={"after": 10_000_000})["more"] is False
    assert api.get("/v1/records/head")["signature"]


def test_a_decision_is_told_proved_and_made_unprovable(api: Api) -> None:
    decision = api.post("/v1/grants", WANTED, expect=201)["decision_id"]
    assert api.get(f"/v1/decisions/{decision}")["asked"]["act"] == "grant.create"
    assert api.post(f"/v1/decisions/{decision}/proof", {"arguments": {"a": 1}})["proof"] == "no_digest"
    assert api.post(f"/v1/decisions/{decision}/erasure")["erased"] is False
    assert api.get("/v1/decisions/dec_never", expect=404)["reason"] == "not_found"


def test_servers_policies_and_people_are_administered(remit: Administered, api: Api) -> None:
    assert [server["name"] for server in api.get("/v1/servers")["servers"]] == ["probe"]
    assert api.get("/v1/servers/probe/changes") == {"changes": []}
    refused = api.post("/v1/servers/probe/approvals", {"item": "tool/none", "digest": ""}, expect=422)
    assert (refused["reason"], refused["decision_id"][:4]) == ("invalid_params", "dec_")
    assert list(api.get("/v1/policies")["tenants"]) == ["acme"]
    assert api.post("/v1/policies/reload")["taken_over"] is True
    invited = api.post("/v1/accounts/nobody/invitations", expect=201)
    assert invited["link"].startswith(f"{remit.remit.url}/password?link=")


def test_a_role_that_was_taken_away_counts_at_once_after_a_restart(tmp_path: Path) -> None:
    import yaml

    from tests.peers import remit_process

    with administered(tmp_path) as running:
        api = running.api("grant.list", "status")
        assert api.get("/v1/grants")
        remit_process.stop(running.remit)
        settings = yaml.safe_load((tmp_path / "remit.yaml").read_text())
        settings["administrators"]["engineer"]["roles"] = {"acme": ["server"]}
        (tmp_path / "remit.yaml").write_text(yaml.safe_dump(settings))
        again = remit_process.start(tmp_path, running.remit.url)
        try:
            assert api.get("/v1/status")
            assert api.get("/v1/grants", expect=403)["reason"] == "role_missing"
        finally:
            remit_process.stop(again)


def raw(url: str, request: bytes) -> bytes:
    """What comes back for these bytes, until the connection ends."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_neither_listener_serves_what_is_the_other_s(remit: Administered, api: Api) -> None:
    for path in ("/mcp", "/mcp/probe", "/token", "/authorize", "/jwks.json", "/sign-in", "/account", "/healthz", "/"):
        assert api.get(path, expect=404)["reason"] == "not_found"
    there = Api(remit.remit.url, api.token)
    for path in ("/v1/status", "/v1/grants", "/openapi.json", "/admin/v1/status"):
        assert there.ask("GET", path).json() == {"error": "not_found"}


def test_what_is_no_request_or_too_large_is_a_problem_too(remit: Administered) -> None:
    host = remit.url.removeprefix("http://").encode()
    large = b"POST /v1/revocations HTTP/1.1\r\nhost: " + host + b"\r\ncontent-length: 70000\r\n\r\n" + b"x" * 65_537
    for request, status in (
        (b"nonsense\r\n\r\n", b"400"),
        (large, b"413"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 40_000 + b"\r\n\r\n", b"431"),
    ):
        answer = raw(remit.url, request)
        assert answer.startswith(b"HTTP/1.1 " + status), answer
        assert b"content-type: application/problem+json" in answer
        assert b'"reason":"framing"' in answer


def test_an_act_that_began_is_finished_though_the_client_leaves(remit: Administered, api: Api) -> None:
    body = b'{"user": "engineer", "client": "editor", "purpose": "left alone"}'
    head = f"POST /v1/grants HTTP/1.1\r\nhost: {remit.url[7:]}\r\nauthorization: Bearer {api.token}\r\n"
    head += f"idempotency-key: left\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    host, _, port = remit.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(head.encode() + body)
    answers = iter(
        lambda: api.ask("POST", "/v1/grants", content=body, headers=JSON | {"Idempotency-Key": "left"}), None
    )
    made = next(answer for answer in answers if answer.status_code != 409).json()
    purposes = [grant["purpose"] for grant in api.get("/v1/grants")["grants"]]
    assert (made["grant"]["purpose"], purposes.count("left alone")) == ("left alone", 1)


def test_an_act_that_waits_is_kept_and_done_by_another(tmp_path: Path) -> None:
    administrators = ADMINISTRATORS | {
        "second": {"account": "nobody", "roles": {"acme": ["approval"], "globex": ["approval"]}}
    }
    waiting = {"administrators": administrators, "second_person": ["grant.create"]}
    with administered(tmp_path, people=("engineer", "nobody"), **waiting) as running:
        first, second = running.api(), running.api(account="nobody")
        proposal = first.post("/v1/grants", WANTED, expect=202)["proposal"]
        place, shown = f"/v1/proposals/{proposal['id']}", {"digest": proposal["digest"]}
        assert first.post(f"{place}/confirm", shown, expect=403)["reason"] == "second_person_needed"
        assert second.post(f"{place}/confirm", {"digest": "0" * 64}, expect=409)["reason"] == "conflict"
        narrow = running.api("proposal.confirm", account="nobody")
        assert narrow.post(f"{place}/confirm", shown, expect=403)["reason"] == "insufficient_scope"
        assert second.get("/v1/proposals")["proposals"] == [proposal]
        done = second.post(f"{place}/confirm", shown)
        assert (done["act"], bool(done["result"]["access_token"])) == ("grant.create", True)
        assert second.post(f"{place}/withdraw", expect=409)["reason"] == "conflict"
        running.remit.cli("grant", "create", "--user", "engineer", "--client", "editor", "--purpose", "p")
        assert len(second.get("/v1/proposals")["proposals"]) == 2


def test_somebody_administers_for_a_while_with_what_was_delegated(remit: Administered, api: Api) -> None:
    asked = {"account": "nobody", "roles": ["approval"], "tenants": ["acme"], "ttl_s": 3600}
    made = api.post("/v1/delegations", asked, expect=201)["administrator"]
    delegate = remit.api(account="nobody")
    assert delegate.get("/v1/grants")["grants"]
    assert delegate.get("/v1/records/head", expect=403)["reason"] == "role_missing"
    assert made in api.get("/v1/administrators")["administrators"]
    api.post(f"/v1/delegations/{made['delegation']}/end")
    assert delegate.get("/v1/grants", expect=403)["reason"] == "role_missing"
    assert api.post("/v1/delegations/dlg_never/end", expect=404)["reason"] == "not_found"
