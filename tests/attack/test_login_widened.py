"""More than was asked for, or for another place, at every step: the request, the question, the code, the refresh token;
and a proof weaker than it should be. What was agreed to is what there is, and right it works.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import httpx2
import pytest

from tests.peers.browser import Browser
from tests.peers.person import Asking, agreed, answered, begun, logged_in, parameters_of, with_person
from tests.peers.remit_process import RemitProcess

TOOL = "probe:describe_process"
PLACES = itertools.count(1)


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("widened")) as running:
        yield running


def sent(remit: RemitProcess, path: str, form: dict[str, str]) -> httpx2.Response:
    """Each from a place of its own, since many wrong ones from one would be told to wait."""
    number = next(PLACES)
    transport = httpx2.HTTPTransport(local_address=f"127.0.{1 + number // 250}.{1 + number % 250}")
    with httpx2.Client(transport=transport, trust_env=False, timeout=30) as client:
        return client.post(f"{remit.url}{path}", data=form)


def token(remit: RemitProcess, **form: str) -> httpx2.Response:
    return sent(remit, "/token", form)


def refused_at_both_doors(remit: RemitProcess, error: str, **changes: str | None) -> None:
    """At `/authorize`, with `state` and `iss`, and at `/par`."""
    asking = Asking(remit, **changes)
    page = Browser(remit.url).get(asking.url.removeprefix(remit.url))
    found = parameters_of(page.location)
    assert (found["error"], found["state"], found["iss"]) == (error, asking.state, remit.url)
    assert page.location.startswith(asking.asked["redirect_uri"])
    pushed = sent(remit, "/par", asking.asked)
    assert (pushed.status_code, pushed.json()["error"]) == (400, error)


# another resource -------------------------------------------------------------------------------------------------
OTHER_RESOURCES = {
    "a slash at the end": "{url}/mcp/probe/",
    "a slash at the end of all": "{url}/mcp/",
    "a name in upper case": "{url}/mcp/PROBE",
    "a path in upper case": "{url}/MCP/probe",
    "an escaped letter": "{url}/mcp/%70robe",
    "a query": "{url}/mcp/probe?x=1",
    "a fragment": "{url}/mcp/probe#x",
    "a dot segment": "{url}/mcp/../mcp/probe",
    "a user": "http://x@{host}/mcp/probe",
    "another port": "http://127.0.0.1:80/mcp/probe",
    "no port": "http://127.0.0.1/mcp/probe",
    "another name for here": "http://localhost:{port}/mcp/probe",
    "https": "https://{host}/mcp/probe",
    "only the server": "{url}",
    "the token endpoint": "{url}/token",
    "elsewhere": "https://elsewhere.example/mcp/probe",
    "what it is called here": "probe",
}


def spelt(remit: RemitProcess, text: str) -> str:
    host = remit.url.removeprefix("http://")
    return text.format(url=remit.url, host=host, port=host.partition(":")[2])


@pytest.fixture(scope="module")
def made(remit: RemitProcess) -> tuple[Asking, str, str]:
    """A login whose code was not exchanged yet, and the refresh token of another."""
    asking, code = logged_in(remit)
    other, used = logged_in(remit)
    return asking, code, token(remit, **other.exchange(used)).json()["refresh_token"]


@pytest.mark.parametrize("spelling", OTHER_RESOURCES)
def test_another_resource_is_refused_at_every_step(
    remit: RemitProcess, made: tuple[Asking, str, str], spelling: str
) -> None:
    resource = spelt(remit, OTHER_RESOURCES[spelling])
    refused_at_both_doors(remit, "invalid_target", resource=resource)
    asking, code, refresh = made
    refused = token(remit, **(asking.exchange(code) | {"resource": resource}))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    form = {"grant_type": "refresh_token", "client_id": "desktop", "refresh_token": refresh}
    refused = token(remit, **form, resource=resource)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


@pytest.mark.parametrize("resource", ["{url}/mcp/probe", "HTTP://{host}/mcp/probe", ""])
def test_its_own_resource_is_taken_with_the_scheme_in_any_case_and_is_meant_where_none_is_named(
    remit: RemitProcess, resource: str
) -> None:
    named = spelt(remit, resource)
    asking = Asking(remit, resource=named or f"{remit.url}/mcp/probe")
    code = agreed(Browser(remit.url), asking.url, **{"scope-probe": "yes"})["code"]
    made = token(remit, **(asking.exchange(code) | {"resource": named}))
    assert made.status_code == 200
    form = {"grant_type": "refresh_token", "client_id": "desktop", "refresh_token": made.json()["refresh_token"]}
    again = token(remit, **form, resource=named)
    assert again.json()["authorization_details"][0]["locations"] == [f"{remit.url}/mcp/probe"]


def test_two_resources_are_none(remit: RemitProcess) -> None:
    url = Asking(remit).url.removeprefix(remit.url)
    page = Browser(remit.url).get(f"{url}&resource={remit.url}/mcp")
    assert (page.status, page.location) == (400, "")
    asking, code = logged_in(remit)
    both = [*asking.exchange(code).items(), ("resource", f"{remit.url}/mcp")]
    body = "&".join(f"{name}={value}" for name, value in both)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    refused = httpx2.post(f"{remit.url}/token", content=body, headers=headers, trust_env=False)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    assert token(remit, **asking.exchange(code)).status_code == 200


# more than was asked for ------------------------------------------------------------------------------------------
def details(remit: RemitProcess, **fields: object) -> str:
    return json.dumps([{"type": "mcp_tool", "locations": [f"{remit.url}/mcp/probe"], **fields}])


@pytest.mark.parametrize(
    "fields",
    [
        {"tool": "*"},
        {"tool": "describe_process", "privileges": ["admin"]},
        {"type": "mcp_everything"},
        {"locations": ["{url}/mcp"]},
        {"locations": ["{url}/mcp/probe", "{url}/mcp"]},
        {"tool": "describe_process", "actions": ["tools/call", "resources/read"]},
    ],
    ids=str,
)
def test_a_detail_that_is_unknown_or_for_elsewhere_is_refused(remit: RemitProcess, fields: dict[str, object]) -> None:
    said = details(remit, **fields).replace("{url}", remit.url)
    refused_at_both_doors(remit, "invalid_authorization_details", authorization_details=said)
    page = begun(Browser(remit.url), Asking(remit, authorization_details=details(remit, tool="describe_process")).url)
    assert page.status == 200


def test_nothing_said_later_widens_what_was_asked_for_and_agreed_to(remit: RemitProcess) -> None:
    limits = {"tool": "describe_process", "max_calls": 3, "ttl_s": 600}
    asking, browser = Asking(remit, authorization_details=details(remit, **limits)), Browser(remit.url)
    page = begun(browser, asking.url)
    (form,) = page.forms
    typed = {"purpose": "try it", "ttl_s": "600", "answer": "yes", f"scope-{TOOL}": "yes"}
    for wider in ({"ttl_s": "3600"}, {"environment": "prod"}):
        assert browser.submit(form, **typed | wider).status == 400
    answer = browser.submit(form, **typed, **{"scope-probe": "yes", "max_calls": "900"})  # neither was on the page
    code = parameters_of(answer.location)["code"]
    wider = details(remit)
    exchange = asking.exchange(code)
    refused = token(remit, **exchange, authorization_details=wider)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_authorization_details")
    made = token(remit, **exchange, scope="probe").json()
    refresh = {"grant_type": "refresh_token", "client_id": "desktop", "refresh_token": made["refresh_token"]}
    refused = token(remit, **refresh, authorization_details=wider)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_authorization_details")
    again = token(remit, **refresh, scope="probe").json()
    for answered_with in (made, again):
        (detail,) = answered_with["authorization_details"]
        assert (answered_with["scope"], detail["tool"], detail["max_calls"]) == (TOOL, "describe_process", 3)
        assert detail["ttl_s"] <= 600


def test_a_scope_that_was_not_agreed_to_is_in_no_token(remit: RemitProcess) -> None:
    asking = Asking(remit, scope=f"{TOOL} probe:wait_for_ever")
    url = answered(Browser(remit.url), asking.url, **{f"scope-{TOOL}": "yes", "scope-probe:wait_for_ever": "no"})
    made = token(remit, **asking.exchange(parameters_of(url)["code"]), scope="probe other").json()
    assert made["scope"] == TOOL
    for scope in ("*", "probe:*", "PROBE", "probe  other"):
        refused_at_both_doors(remit, "invalid_scope", scope=scope)


# a weaker proof -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": "S512"},
        {"code_challenge": "v" * 44},
        {"code_challenge": "short"},
        {"response_type": "token"},
        {"response_type": "code token"},
        {"response_mode": "fragment"},
    ],
    ids=str,
)
def test_nobody_gets_in_with_less_than_a_code_and_its_proof(
    remit: RemitProcess, changes: dict[str, str | None]
) -> None:
    error = "unsupported_response_type" if "response_type" in changes else "invalid_request"
    refused_at_both_doors(remit, error, **changes)
    assert begun(Browser(remit.url), Asking(remit).url).status == 200


def test_a_verifier_that_is_absent_the_challenge_or_another_login_s_proves_nothing(remit: RemitProcess) -> None:
    asking, code = logged_in(remit)
    exchange = asking.exchange(code)
    for verifier in (
        "",
        asking.asked["code_challenge"],
        Asking(remit).verifier,
        asking.verifier[:-1],
        asking.verifier + "A",
    ):
        refused = token(remit, **exchange | {"code_verifier": verifier})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert token(remit, **exchange).status_code == 200
    other = Asking(remit)
    late = agreed(Browser(remit.url), other.url, **{"scope-probe": "yes"})["code"]
    refused = token(remit, **other.exchange(late) | {"code_verifier": asking.verifier})  # good once does not mean twice
    assert refused.json()["error"] == "invalid_grant"
