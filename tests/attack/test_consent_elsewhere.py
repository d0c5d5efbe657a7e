"""A yes that its person did not give: posted from another browser with a stolen handle, from another site, or clicked
through a frame. None of it brings a code; the person's own yes does.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.peers.browser import Browser, Form, Page
from tests.peers.person import RIGHT, Asking, begun, parameters_of, token, with_password, with_person
from tests.peers.remit_process import RemitProcess

YES = {"purpose": "try it", "ttl_s": "3600", "answer": "yes", "scope-probe": "yes"}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("elsewhere")) as running:
        with_password(running, "analyst")
        yield running


def question(page: Page) -> Form:
    *_, form = (form for form in page.forms if form.action == "/consent")
    return form


def signed_in(remit: RemitProcess, account: str) -> Browser:
    browser = Browser(remit.url)
    browser.submit(browser.get("/sign-in").form("/sign-in"), name=account, password=RIGHT)
    assert browser.get("/account").status == 200
    return browser


@pytest.mark.parametrize("account", ["engineer", "analyst"])
def test_a_stolen_question_is_answered_in_no_other_browser(remit: RemitProcess, account: str) -> None:
    mine, asking = Browser(remit.url), Asking(remit)
    form = question(begun(mine, asking.url))
    thief = signed_in(remit, account)
    own = thief.get("/account").form("/sign-out").fields["form"]
    stolen = form.fields | YES
    for fields in (stolen | {"form": own}, stolen):  # with a form of the thief's own, with mine
        answer = thief.post("/consent", fields)
        assert (answer.status in (400, 403), answer.location) == (True, "")
    assert thief.get(f"/consent?request={form.fields['request']}").status == 400
    assert thief.post("/sign-in", {"name": account, "password": RIGHT, "form": own, "request": stolen["request"]},
                      ).location == ""  # fmt: skip
    answer = mine.submit(form, **YES)
    assert token(remit, **asking.exchange(parameters_of(answer.location)["code"])).status_code == 200


def test_a_question_that_moved_on_with_signing_in_is_not_answered_with_what_came_before(remit: RemitProcess) -> None:
    """Whoever planted the browser's cookie before somebody signed in knows the handle of then, and no more."""
    browser, asking = Browser(remit.url), Asking(remit)
    before = browser.get(asking.url.removeprefix(remit.url)).location
    planted = dict(browser.cookies)
    page = browser.submit(browser.get(browser.get(before).location).form("/sign-in"), name="engineer", password=RIGHT)
    assert browser.get(before).status == 400
    assert Browser(remit.url, planted).get(page.location).status == 400
    answer = browser.submit(question(browser.get(page.location)), **YES)
    assert "code=" in answer.location


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"form": ""},
        {"form": "0" * 64},
        {"cookie": "browser"},
    ],
    ids=str,
)
def test_a_yes_that_another_site_sends_is_none(remit: RemitProcess, changes: dict[str, str]) -> None:
    browser = Browser(remit.url)
    form = question(begun(browser, Asking(remit).url))
    fields = form.fields | YES | {name: value for name, value in changes.items() if name == "form"}
    headers = {name: value for name, value in changes.items() if name not in ("form", "cookie")}
    cookies = {
        name: value for name, value in browser.cookies.items() if "cookie" not in changes or "browser" not in name
    }
    answer = Browser(remit.url, cookies).post(form.action, fields, **headers)
    assert (answer.status, answer.location) == (403, "")
    assert "code=" in browser.submit(form, **YES).location


def test_no_page_and_no_refusal_is_shown_in_a_frame(remit: RemitProcess) -> None:
    """Whatever a browser could be made to show, in whatever state, of whatever status."""
    browser, stranger = Browser(remit.url), Browser(remit.url)
    form = question(begun(browser, Asking(remit).url))
    paths = (
        "/sign-in",
        "/account",
        "/account/passkeys",
        "/device",
        "/device?user_code=BCDF-GHJK",
        "/device?answered=1",
    )
    shown = [browser.get(path) for path in paths] + [stranger.get(path) for path in paths]
    shown += [
        browser.get(f"/consent?request={form.fields['request']}"),
        browser.get("/consent"),
        stranger.get("/consent?request=x"),
        browser.submit(form, **YES | {"ttl_s": "7"}),
        stranger.submit(form, **YES),
        browser.get(Asking(remit, client_id="nobody").url.removeprefix(remit.url)),
        browser.get(Asking(remit, scope="*").url.removeprefix(remit.url)),
        browser.get("/authorize?client_id=desktop&request_uri=urn:ietf:params:oauth:request_uri:x"),
        browser.get("/authorize?a=1&a=2"),
        browser.get("/password?link=x"),
        browser.get("/account", Host="evil.example"),
        browser.post("/account/end", {}),
        browser.post("/account/end", {"form": form.fields["form"], "grant": "grt_nobody"}),
        browser.submit(form, **YES),
    ]
    assert {page.status for page in shown} >= {200, 303, 400, 403, 404, 421}
    for page in shown:
        assert page.headers["x-frame-options"] == "DENY", page.status
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], page.status
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "no-store" in page.headers["cache-control"]


def test_what_is_no_page_shows_nothing_that_could_be_clicked(remit: RemitProcess) -> None:
    for verb, path in (("GET", "/nothing"), ("GET", "/consent/x"), ("PUT", "/consent"), ("GET", "/token")):
        answer = httpx2.request(verb, f"{remit.url}{path}", trust_env=False)
        assert answer.status_code in (404, 405)
        assert "<" not in answer.text
