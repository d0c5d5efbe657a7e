"""The administration API: what a browser, a foreign page, a token for something else, a trusted header or a strange
message could do there. Each try is followed by the same request as it should be, which is carried out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.core.administration import Act, Administrator, Role, scope_of
from remit.core.grant import GrantEvent, Origin
from remit.core.principals import Principal, PrincipalKind
from remit.core.scope import OneTool, WholeServer
from tests.scenes.administration import ADMIN_URL, ALICE, AdminScene
from tests.scenes.responder import FakeResponder
from tests.scenes.token import ISSUER


@pytest.fixture
def scene(tmp_path: Path) -> AdminScene:
    return AdminScene(tmp_path)


def reason(answer: FakeResponder) -> tuple[int, str]:
    return answer.status, answer.json["reason"]


async def expect_served(scene: AdminScene, token: bytes) -> None:
    """The success twin."""
    before = len(scene.done)
    answer = await scene.ask("GET", "/v1/status", token)
    assert (answer.status, len(scene.done)) == (200, before + 1), answer.body


@pytest.mark.parametrize(
    "audience",
    [f"{ISSUER}/mcp", f"{ISSUER}/mcp/files", ISSUER, f"{ADMIN_URL}/", f"{ADMIN_URL}/v1", ADMIN_URL.upper(), "http://127.0.0.1"],
)  # fmt: skip
async def test_a_token_for_anything_else_is_refused(scene: AdminScene, audience: str) -> None:
    token = scene.token(audience=audience)
    assert reason(await scene.ask("GET", "/v1/status", token)) == (401, "token_audience")
    assert scene.done == []
    await expect_served(scene, scene.token())


@pytest.mark.parametrize(
    "changes",
    [
        {"resource": f"{ISSUER}/mcp"},
        {"origin": Origin("administration", "bob")},
        {"origin": Origin("client_credentials", "alice")},
        {"subject": Principal(PrincipalKind.CLIENT, "alice")},
        {"subject": Principal(PrincipalKind.HUMAN, "alice", "https://idp.test")},
    ],
    ids=str,
)
async def test_a_grant_that_no_administrator_agreed_to_is_refused(scene: AdminScene, changes: dict[str, Any]) -> None:
    token = scene.token(audience=ADMIN_URL, **changes)
    assert reason(await scene.ask("GET", "/v1/status", token)) == (401, "grant_mismatch")
    assert scene.done == []
    await expect_served(scene, scene.token())


async def test_an_account_that_administers_nothing_is_refused_though_its_token_is_good(scene: AdminScene) -> None:
    token = scene.token(subject=Principal(PrincipalKind.HUMAN, "mallory"))
    assert reason(await scene.ask("GET", "/v1/status", token)) == (403, "role_missing")
    await expect_served(scene, scene.token())


async def test_a_grant_that_ended_is_refused_at_once(scene: AdminScene) -> None:
    token = scene.token()
    await expect_served(scene, token)
    (live,) = list(scene.grants)
    live.apply(GrantEvent.REVOKE)
    assert reason(await scene.ask("GET", "/v1/status", token)) == (401, "grant_ended")


async def test_a_grant_that_is_not_used_ends(scene: AdminScene) -> None:
    token = scene.token()
    scene.clock.advance(299)
    await expect_served(scene, token)
    scene.clock.advance(901)
    assert reason(await scene.ask("GET", "/v1/status", scene.tokens.token(
        audience=ADMIN_URL, grant_id="grt_admin", subject="alice", client_id="dashboard", actors=()
    ))) == (401, "grant_idle")  # fmt: skip


async def test_the_acts_are_those_the_grant_names_and_nothing_by_a_likeness(scene: AdminScene) -> None:
    scopes = frozenset(
        {scope_of(Act.STATUS), OneTool("remits", "revoke"), WholeServer("remit-x"), OneTool("remit", "none")}
    )
    await scene.ask("GET", "/v1/status", scene.token(scopes=scopes))
    (asker, _, _) = scene.done[0]
    assert [act for act in Act if asker.way.covers(act)] == [Act.STATUS]
    await expect_served(scene, scene.token())


async def test_no_cookie_lets_anybody_in(scene: AdminScene) -> None:
    token = scene.token()
    for cookie in (b"__Host-session=" + token, b"access_token=" + token, b"Authorization=Bearer " + token):
        answer = await scene.ask("POST", "/v1/policies/reload", headers={b"cookie": cookie})
        assert reason(answer) == (401, "token_missing")
    assert reason(await scene.ask("GET", f"/v1/status?access_token={token.decode()}", None)) == (401, "token_missing")
    assert scene.done == []
    assert (await scene.ask("GET", "/v1/status", token, headers={b"cookie": b"a=b"})).status == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({b"host": b"evil.test"}, (421, "bad_host")),
        ({b"host": b"127.0.0.1:8700"}, (421, "bad_host")),
        ({b"host": b"127.0.0.1:8701@evil.test"}, (421, "bad_host")),
        ({b"host": None}, (421, "bad_host")),
        ({b"origin": b"http://evil.test"}, (403, "bad_origin")),
        ({b"origin": b"null"}, (403, "bad_origin")),
        ({b"origin": b"http://127.0.0.1:8700"}, (403, "bad_origin")),
    ],
)
async def test_no_page_and_no_rebound_name_asks_here(
    scene: AdminScene, headers: dict[bytes, bytes | None], expected: tuple[int, str]
) -> None:
    token = scene.token()
    for target in ("/v1/status", "/.well-known/oauth-protected-resource"):
        assert reason(await scene.ask("GET", target, token, headers=headers)) == expected
    assert scene.done == []
    await expect_served(scene, token)


async def test_no_other_origin_is_ever_let_read(scene: AdminScene) -> None:
    token = scene.token()
    preflight = {b"origin": ADMIN_URL.encode(), b"access-control-request-method": b"POST"}
    answers = [
        await scene.ask("OPTIONS", "/v1/grants", token, headers=preflight),
        await scene.ask("GET", "/v1/grants", token, headers={b"origin": ADMIN_URL.encode()}),
    ]
    assert [answer.status for answer in answers] == [405, 200]
    named = {name for answer in answers for name in answer.headers}
    assert [name for name in named if name.startswith(b"access-control")] == []


async def test_no_header_stands_in_for_a_method_or_a_token(scene: AdminScene) -> None:
    token = scene.token()
    for name in (b"x-http-method-override", b"x-http-method", b"x-method-override"):
        await scene.ask("GET", "/v1/grants", token, headers={name: b"POST"})
        assert scene.done[-1][1] == "grant.list"
        assert (await scene.ask("DELETE", "/v1/grants", token, headers={name: b"GET"})).status == 405
    count = len(scene.done)
    for name in (
        b"x-forwarded-user",
        b"x-remote-user",
        b"remote-user",
        b"x-remit-administrator",
        b"proxy-authorization",
    ):
        assert (await scene.ask("GET", "/v1/status", headers={name: b"alice"})).status == 401
    twice = [(b"authorization", b"Bearer " + token)]
    assert reason(await scene.ask("GET", "/v1/status", token, further=twice)) == (400, "token_malformed")
    assert len(scene.done) == count
    await expect_served(scene, token)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (415, "unsupported_media_type")),
        (b"not json", (400, "malformed_json")),
        (b'{"everything": NaN}', (400, "malformed_json")),
        (b"[]", (422, "invalid_params")),
        (b"[" * 30_000, (400, "malformed_json")),
        (b'{"user":' * 500 + b"1" + b"}" * 500, (422, "invalid_params")),
        (b'{"user": "a", "user": "b"}', (400, "duplicate_key")),
        (b'{"user": "a", "\\u0075ser": "b"}', (400, "duplicate_key")),
        (b'{"User": "a"}', (422, "invalid_params")),
        (b'{"user": "a", "everyone": true}', (422, "invalid_params")),
        (b'{"everything": "true"}', (422, "invalid_params")),
        (b'{"everything": 1}', (422, "invalid_params")),
        (b'{"user": ["a"]}', (422, "invalid_params")),
        (b'{"user": null}', (422, "invalid_params")),
        (b'{"user": "\\ud800"}', (400, "malformed_json")),
        (b'{"user": "' + b"a" * 1025 + b'"}', (422, "invalid_params")),
    ],
)
async def test_a_message_that_could_be_read_in_two_ways_is_carried_out_in_none(
    scene: AdminScene, body: bytes, expected: tuple[int, str]
) -> None:
    token = scene.token()
    assert reason(await scene.ask("POST", "/v1/revocations", token, body)) == expected
    assert scene.done == []
    assert (await scene.ask("POST", "/v1/revocations", token, b'{"user": "a"}')).status == 200
    assert scene.done[0][1:] == ("revoke", {"user": "a"})


@pytest.mark.parametrize("media_type", [b"text/plain", b"application/x-www-form-urlencoded", b"", None])
async def test_a_form_of_another_site_says_nothing_here(scene: AdminScene, media_type: bytes | None) -> None:
    token = scene.token()
    answer = await scene.ask("POST", "/v1/revocations", token, {"user": "a"}, headers={b"content-type": media_type})
    assert (answer.status, scene.done) == (415, [])
    await expect_served(scene, token)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/grants?user=a&user=b", "/v1/grants?nobody=a", "/v1/grants?user=", "/v1/grants?user", "/v1/grants?user=%ff",
        "/v1/records?after=-1", "/v1/records?limit=1001", "/v1/records?limit=1e2", "/v1/status?x=1",
        "/v1/grants?" + "a=1&" * 40,
    ],
)  # fmt: skip
async def test_a_query_is_read_whole_or_refused(scene: AdminScene, target: str) -> None:
    token = scene.token()
    assert reason(await scene.ask("GET", target, token)) == (422, "invalid_params")
    assert scene.done == []
    await expect_served(scene, token)


async def test_a_body_where_none_is_asked_for_is_refused(scene: AdminScene) -> None:
    token = scene.token()
    for method, target in (("GET", "/v1/status"), ("POST", "/v1/policies/reload"), ("POST", "/v1/grants/grt_1/end")):
        assert reason(await scene.ask(method, target, token, {"all": True})) == (422, "invalid_params")
    assert (await scene.ask("POST", "/v1/policies/reload", token, {})).status == 200


async def test_too_many_requests_of_one_grant_wait_and_those_of_another_do_not(scene: AdminScene) -> None:
    token = scene.token()
    for _ in range(300):
        await expect_served(scene, token)
    answer = await scene.ask("GET", "/v1/status", token)
    assert reason(answer) == (429, "limit_rate")
    assert dict(answer.headers)[b"retry-after"] == b"1"
    await expect_served(scene, scene.token(id="grt_other"))


async def test_two_administrators_of_one_account_are_nobody(tmp_path: Path) -> None:
    from dataclasses import replace

    scene = AdminScene(tmp_path)
    twin = Administrator("twin", {"globex": frozenset(Role)}, account="alice")
    await expect_served(scene, scene.token())
    doubled = replace(scene.administer, administrators=(ALICE, twin))
    assert doubled.held("alice") == frozenset()
    assert scene.administer.held("alice")


async def test_an_answer_from_before_is_not_told_to_whoever_has_lost_the_role_since(scene: AdminScene) -> None:
    wanted = {"user": "engineer", "client": "editor", "purpose": "p"}
    again = {b"idempotency-key": b"k1"}
    token = scene.token()
    for _ in range(2):
        assert (await scene.ask("POST", "/v1/grants", token, wanted, headers=again)).status == 201
    assert [act for _, act, _ in scene.done] == ["grant.create"]
    less = Administrator("alice", {"acme": frozenset({Role.AUDIT})}, account="alice")
    object.__setattr__(scene.administer, "administrators", (less,))
    await scene.ask("POST", "/v1/grants", token, wanted, headers=again)
    assert [act for _, act, _ in scene.done] == ["grant.create", "grant.create"]  # which decides anew
    assert scene.done[-1][0].administrator is less
