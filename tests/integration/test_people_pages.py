"""People with an account, on a Remit that runs: a link, a password, signing in, and what acts in their name."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.peers import remit_process
from tests.peers.browser import Browser, Page
from tests.peers.person import RIGHT, link_of, with_password
from tests.peers.remit_process import RemitProcess

POLICIES = {"acme/all.cedar": remit_process.PERMIT_ALL}
SERVERS = {"idle": {"tenants": ["acme", "globex"], "stdio": {"command": ["sleep", "60"]}}}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    folder = tmp_path_factory.mktemp("people")
    with remit_process.remit_process(folder, SERVERS, POLICIES, surveyed=False) as running:
        yield running


def signed_in(remit: RemitProcess, account: str = "engineer") -> Browser:
    browser = with_password(remit, account)
    page = browser.get("/sign-in?set=1")
    assert "Your password is set." in page.text
    answer = browser.submit(page.form("/sign-in"), name=account, password=RIGHT)
    assert (answer.status, answer.location) == (303, "/account")
    return browser


def grant_for(remit: RemitProcess, purpose: str, user: str = "engineer", client: str = "editor") -> str:
    made = remit.cli("grant", "create", "--user", user, "--client", client, "--purpose", purpose)
    grant: str = made["grant"]["id"]
    return grant


def alive(remit: RemitProcess, grant: str) -> bool:
    return any(found["id"] == grant and found["state"] == "active" for found in remit.cli("grant", "list")["grants"])


# the whole way ----------------------------------------------------------------------------------------------------
def test_a_person_sees_what_acts_in_their_name_and_ends_it(remit: RemitProcess) -> None:
    browser = signed_in(remit)
    ended, kept = grant_for(remit, "look at <b>the log</b> & go"), grant_for(remit, "something else")
    page = browser.get("/account")
    assert "look at <b>the log</b> & go" in page.text
    assert "<b>the log" not in page.body
    answer = browser.submit(page.form("/account/end", grant=ended))
    assert (answer.status, answer.location) == (303, "/account")
    assert (alive(remit, ended), alive(remit, kept)) == (False, True)
    assert ended not in browser.get("/account").body


def test_a_session_ends_with_signing_out_even_for_who_kept_its_cookie(remit: RemitProcess) -> None:
    browser = signed_in(remit)
    thief = Browser(remit.url, dict(browser.cookies))
    assert thief.get("/account").status == 200
    answer = browser.submit(browser.get("/account").form("/sign-out"))
    assert (answer.location, browser.cookies) == ("/sign-in", {})
    assert thief.get("/account").location == "/sign-in"


def test_a_session_outlives_a_crash_and_a_new_password_ends_it(tmp_path: Path) -> None:
    with remit_process.remit_process(tmp_path, SERVERS, POLICIES, surveyed=False) as first:
        browser = signed_in(first)
        first.kill()
        again = remit_process.start(first.folder, first.url)
        try:
            assert browser.get("/account").status == 200
            with_password(again)
            assert browser.get("/account").location == "/sign-in"
        finally:
            remit_process.stop(again)


# what is refused, each beside what is not -------------------------------------------------------------------------
def test_a_wrong_password_lets_nobody_in_and_says_so_once_for_all(remit: RemitProcess) -> None:
    with_password(remit)
    said = set()
    for name, password in (("engineer", "wrong horse battery"), ("nobody", RIGHT), ("analyst", RIGHT), ("", "")):
        browser = Browser(remit.url)
        answer = browser.submit(browser.get("/sign-in").form("/sign-in"), name=name, password=password)
        assert answer.status == 401
        assert not any("session" in cookie for cookie in browser.cookies)
        said.add(answer.text.replace(name, "") if name else answer.text)
    assert len(said) == 1


def test_a_link_works_once_and_an_older_or_made_up_one_never(remit: RemitProcess) -> None:
    old, new = link_of(remit), link_of(remit)
    browser = Browser(remit.url)
    page = browser.get(new)
    assert browser.submit(page.form("/password"), password="short", again="short").status == 400
    assert browser.submit(page.form("/password"), password=RIGHT, again=RIGHT + "x").status == 400
    assert browser.submit(page.form("/password"), password=RIGHT, again=RIGHT).status == 303
    assert browser.submit(page.form("/password"), password=RIGHT, again=RIGHT).status == 400
    for link in (old, new, "/password?link=" + "0" * 64, "/password", "/password?link=a&link=b"):
        assert browser.get(link).status == 400


def refusals(remit: RemitProcess, browser: Browser, page: Page, grant: str) -> Iterator[Page]:
    form = page.form("/account/end", grant=grant)
    own = form.fields["form"]
    theirs = Browser(remit.url).get("/sign-in").form("/sign-in").fields["form"]
    for token in ("", "x", theirs, own[:-1]):
        yield browser.post("/account/end", {"grant": grant, "form": token})
    yield browser.post("/account/end", form.fields, Origin="http://evil.example")
    yield browser.post("/account/end", form.fields, Origin="null")
    yield browser.post("/account/end", form.fields, Sec_Fetch_Site="cross-site")
    yield browser.post("/account/end", form.fields, Sec_Fetch_Site="same-site")
    yield Browser(remit.url, {name: v for name, v in browser.cookies.items() if "session" in name}).submit(form)


def test_a_form_from_elsewhere_does_nothing(remit: RemitProcess) -> None:
    browser, grant = signed_in(remit), grant_for(remit, "to be kept")
    page = browser.get("/account")
    for answer in refusals(remit, browser, page, grant):
        assert answer.status == 403
        assert alive(remit, grant)
    assert browser.submit(page.form("/account/end", grant=grant)).status == 303
    assert not alive(remit, grant)


def test_a_form_shown_before_somebody_signed_in_is_not_one_of_theirs(remit: RemitProcess) -> None:
    """Whoever planted the browser's cookie, and so knows its forms, cannot act once somebody has signed in."""
    browser = Browser(remit.url)
    planted = browser.get("/sign-in").form("/sign-in").fields["form"]
    browser.cookies |= signed_in(remit).cookies
    grant = grant_for(remit, "to be kept")
    assert browser.post("/account/end", {"grant": grant, "form": planted}).status == 403
    assert alive(remit, grant)


def test_nobody_ends_what_acts_in_another_s_name(remit: RemitProcess) -> None:
    browser, mine = signed_in(remit), grant_for(remit, "mine")
    other = grant_for(remit, "theirs", "analyst", "notebook")
    form = browser.get("/account").form("/account/end", grant=mine)
    assert other not in browser.get("/account").body
    for grant in (other, "grt_nothing", ""):
        assert browser.submit(form, grant=grant).status == 404
    assert alive(remit, other)


def test_without_a_session_there_is_nothing_to_see(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    assert browser.get("/account").location == "/sign-in"
    for planted in ("x", "0" * 64):
        assert Browser(remit.url, {"__Host-remit-session": planted}).get("/account").location == "/sign-in"


def test_under_another_name_nothing_is_shown_and_nothing_is_done(remit: RemitProcess) -> None:
    """A page elsewhere whose name was made to lead here (DNS rebinding) is of its own origin, and sees all of ours."""
    browser, grant = signed_in(remit), grant_for(remit, "to be kept")
    form = browser.get("/account").form("/account/end", grant=grant)
    for host in ("evil.example", "127.0.0.1", "localhost:" + remit.url.rpartition(":")[2], ""):
        assert browser.get("/account", Host=host).status == 421
        assert browser.post(form.action, form.fields, Host=host, Origin=f"http://{host}").status == 421
    assert alive(remit, grant)
    assert browser.get("/account", Host=remit.url.removeprefix("http://").upper()).status == 200


# how it is sent ---------------------------------------------------------------------------------------------------
def test_every_page_is_framed_by_nobody_runs_no_script_and_is_kept_nowhere(remit: RemitProcess) -> None:
    browser = signed_in(remit)
    pages = [browser.get(path) for path in ("/sign-in", link_of(remit), "/account", "/password")]
    pages += [browser.post("/sign-in", {}), Browser(remit.url).get("/account")]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "same-origin"
        assert "no-store" in page.headers["cache-control"]
        assert "<script" not in page.body
        for style in re.findall("<style>(.*?)</style>", page.body, re.DOTALL):
            assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy


def test_cookies_are_this_host_s_alone_and_out_of_reach_of_scripts(remit: RemitProcess) -> None:
    browser = with_password(remit)
    answer = browser.submit(browser.get("/sign-in").form("/sign-in"), name="engineer", password=RIGHT)
    sent = answer.headers.get_all("set-cookie", [])
    assert {line.partition("=")[0] for line in sent} == {"__Host-remit-session", "__Host-remit-browser"}
    for line in sent:
        assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in line.split(";")}
        assert "domain" not in line.lower()


def test_no_password_link_or_cookie_is_in_the_ledger_or_the_log(remit: RemitProcess) -> None:
    link = link_of(remit)
    browser = signed_in(remit)
    written = "".join(path.read_text() for path in (remit.folder / "state" / "ledger").glob("*.jsonl"))
    written += (remit.folder / "serve.log").read_text()
    for secret in (RIGHT, link.partition("=")[2], *browser.cookies.values()):
        assert secret not in written
    assert '"event":"signed_in"' in written


def test_an_administrator_invites_only_accounts_of_their_tenants(remit: RemitProcess) -> None:
    said = remit.cli("account", "invite", "nobody", expect=2)
    assert "no account 'nobody' is registered" in str(said)


def test_a_query_of_many_fields_is_no_failure(remit: RemitProcess) -> None:
    for path in ("/sign-in", "/password", "/consent"):
        many = Browser(remit.url).get(f"{path}?{'&'.join(['a=1'] * 40)}")
        assert many.status < 500
        assert many.headers["content-type"].startswith("text/html")


def test_what_a_browser_asked_for_is_finished_though_it_left(remit: RemitProcess) -> None:
    """Else a guess would be counted only while somebody waits for it, and hashes would pile up beside those allowed."""
    earlier, browser = signed_in(remit), Browser(remit.url)
    link = link_of(remit)
    form = browser.get(link).form("/password")
    body = urlencode(form.fields | {"password": RIGHT + " anew", "again": RIGHT + " anew"}).encode()
    place = urlsplit(remit.url)
    head = (
        f"POST /password HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {remit.url}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Cookie: {'; '.join(f'{name}={value}' for name, value in browser.cookies.items())}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname or "", place.port or 0), 10) as connection:
        connection.sendall(head.encode() + body)
        while browser.get(link).status == 200:  # until the link is being used: a hash takes tens of milliseconds
            time.sleep(0.001)
    late_s = time.monotonic() + 10
    while earlier.get("/account").status == 200:  # which the new password ends
        assert time.monotonic() < late_s
        time.sleep(0.01)
    page = browser.get("/sign-in")
    answer = browser.submit(page.form("/sign-in"), name="engineer", password=RIGHT + " anew")
    assert (answer.status, answer.location) == (303, "/account")


def test_a_guess_nobody_waits_for_is_counted_and_not_logged(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    fields = browser.get("/sign-in").form("/sign-in").fields | {"name": "nobody-there", "password": RIGHT}
    body, place = urlencode(fields).encode(), urlsplit(remit.url)
    head = (
        f"POST /sign-in HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {remit.url}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Cookie: {'; '.join(f'{name}={value}' for name, value in browser.cookies.items())}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(4):
        with socket.create_connection((place.hostname or "", place.port or 0), 10) as connection:
            connection.sendall(head.encode() + body)
            assert Browser(remit.url).get("/sign-in").status == 200  # so it was read
    answers = [browser.post("/sign-in", fields).status for _ in range(8)]  # behind them, since hashes take turns
    assert (answers[0], answers[-1]) == (401, 429)
    assert "never retrieved" not in (remit.folder / "serve.log").read_text()


def test_a_person_ends_everything_of_a_client_or_of_a_server_at_once_and_only_their_own(remit: RemitProcess) -> None:
    browser = signed_in(remit)
    mine = [grant_for(remit, "one"), grant_for(remit, "two")]
    theirs = grant_for(remit, "theirs", "analyst", "notebook")
    page = browser.get("/account")
    for about in ({"client": "notebook"}, {"client": "", "server": "elsewhere"}, {"client": "", "server": ""}):
        assert browser.submit(page.form("/account/cut", client="editor"), **about).status == 404
    assert all(alive(remit, grant) for grant in (*mine, theirs))
    assert browser.submit(page.form("/account/cut", client="editor")).location == "/account"
    assert [alive(remit, grant) for grant in (*mine, theirs)] == [False, False, True]
    again = grant_for(remit, "three")
    form = next(form for form in browser.get("/account").forms if "server" in form.fields)
    assert browser.post("/account/cut", form.fields | {"form": "x"}).status == 403
    assert alive(remit, again)
    assert browser.submit(form).status == 303
    assert not alive(remit, again)
