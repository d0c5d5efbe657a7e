"""Passkeys on a Remit that runs, by a browser without a window and an authenticator in software."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import remit_process
from tests.peers.authenticator import SoftwareAuthenticator
from tests.peers.browser import Browser, Page
from tests.peers.person import RIGHT, link_of, with_password
from tests.peers.remit_process import RemitProcess

POLICIES = {"acme/all.cedar": remit_process.PERMIT_ALL}
SERVERS = {"idle": {"tenants": ["acme"], "stdio": {"command": ["sleep", "60"]}}}
PEOPLE = {
    "engineer": {"tenant": "acme"},
    "strict": {"tenant": "acme", "passkey": "required"},
    "analyst": {"tenant": "acme"},
}
SCRIPT = '<script src="/passkey.js" defer></script>'


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    folder = tmp_path_factory.mktemp("passkeys")
    with remit_process.remit_process(
        folder, SERVERS, POLICIES, surveyed=False, host="localhost", accounts=PEOPLE
    ) as running:
        yield running


def by_password(remit: RemitProcess, account: str = "engineer") -> Browser:
    browser = with_password(remit, account)
    answer = browser.submit(browser.get("/sign-in").form("/sign-in"), name=account, password=RIGHT)
    assert (answer.status, answer.location) == (303, "/account")
    return browser


def add(browser: Browser, device: SoftwareAuthenticator, name: str = "phone") -> Page:
    form = browser.get("/account/passkeys").form("/account/passkeys/add")
    return browser.submit(form, name=name, answer=device.create(form.options))


def use(browser: Browser, device: SoftwareAuthenticator) -> Page:
    form = browser.get("/sign-in").form("/sign-in/passkey")
    return browser.submit(form, answer=device.get(form.options))


# the whole way ----------------------------------------------------------------------------------------------------
def test_a_person_adds_a_passkey_signs_in_with_it_and_removes_it(remit: RemitProcess) -> None:
    browser, device = by_password(remit), SoftwareAuthenticator(remit.url)
    assert add(browser, device, "my <b>phone</b>").location == "/account/passkeys?added=1"
    page = browser.get("/account/passkeys?added=1")
    assert "It is added." in page.text
    assert "my <b>phone</b>" in page.text
    assert "<b>phone" not in page.body
    other = Browser(remit.url)
    assert use(other, device).location == "/account"
    assert other.get("/account").status == 200
    assert browser.submit(page.form("/account/passkeys/remove")).location == "/account/passkeys?removed=1"
    assert other.get("/account").location == "/sign-in"  # who holds one may be why it was removed
    assert use(Browser(remit.url), device).status == 401
    assert "You have none." in browser.get("/account/passkeys").text


def test_where_a_passkey_is_demanded_a_password_opens_one_page_and_both_open_all(remit: RemitProcess) -> None:
    browser, device = by_password(remit, "strict"), SoftwareAuthenticator(remit.url)
    for path in ("/account", "/consent"):
        assert browser.get(path).status in (303, 400)
    assert browser.get("/account").location == "/sign-in"
    assert browser.get("/sign-in").location == "/account/passkeys"
    assert add(browser, device).location == "/sign-in?added=1"
    assert browser.get("/account").location == "/sign-in"  # adding it was no proof yet
    page = browser.get("/sign-in?added=1")
    assert "Your passkey is added. Sign in with it." in page.text
    assert browser.get("/account/passkeys").location == "/sign-in"  # nor may a password add a second one
    assert use(browser, device).location == "/account"
    assert browser.get("/account").status == 200
    signed = [record for record in ledger(remit) if '"strict"' in record and '"signed_in"' in record]
    assert '"amr":["pwd","pop","user","mfa"]' in signed[-1]


def ledger(remit: RemitProcess) -> list[str]:
    return "".join(path.read_text() for path in (remit.folder / "state" / "ledger").glob("*.jsonl")).splitlines()


def test_a_passkey_outlives_a_crash_and_a_question_does_not(tmp_path: Path) -> None:
    with remit_process.remit_process(
        tmp_path, SERVERS, POLICIES, surveyed=False, host="localhost", accounts=PEOPLE
    ) as first:
        device = SoftwareAuthenticator(first.url)
        add(by_password(first), device)
        browser = Browser(first.url)
        form = browser.get("/sign-in").form("/sign-in/passkey")
        first.kill()
        again = remit_process.start(first.folder, first.url)
        try:
            late = browser.submit(form, answer=device.get(form.options))
            assert late.status == 401
            assert "it took too long" in late.text
            form = late.form("/sign-in/passkey")  # which asks anew
            assert browser.submit(form, answer=device.get(form.options)).location == "/account"
        finally:
            remit_process.stop(again)


# what is refused, each beside what is not -------------------------------------------------------------------------
def test_a_form_from_elsewhere_or_of_another_browser_does_nothing(remit: RemitProcess) -> None:
    browser, device = by_password(remit), SoftwareAuthenticator(remit.url)
    add(browser, device)
    page = browser.get("/account/passkeys")
    forms = [page.form("/account/passkeys/remove"), page.form("/account/passkeys/add")]
    forms.append(Browser(remit.url).get("/sign-in").form("/sign-in/passkey"))
    for form in forms:
        for headers in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
            assert browser.post(form.action, form.fields, **headers).status == 403
        assert browser.post(form.action, form.fields | {"form": "0" * 64}).status == 403
        assert Browser(remit.url).submit(form).status == 403
    theirs, mine = Browser(remit.url), Browser(remit.url)
    asked, own = theirs.get("/sign-in").form("/sign-in/passkey"), mine.get("/sign-in").form("/sign-in/passkey")
    answer = device.get(asked.options)
    assert mine.submit(own, challenge=asked.fields["challenge"], answer=answer).status == 401
    assert theirs.submit(asked, answer=answer).location == "/account"
    assert browser.submit(forms[0]).status == 303


def test_a_copied_cookie_is_nobody_s_once_its_person_signs_in_anew(remit: RemitProcess) -> None:
    browser = by_password(remit)
    copy = Browser(remit.url, cookies=dict(browser.cookies))
    assert copy.get("/account").status == 200
    browser.submit(browser.get("/sign-in").form("/sign-in"), name="engineer", password=RIGHT)
    assert browser.get("/account").status == 200
    assert copy.get("/account").location == "/sign-in"


def test_without_a_session_there_is_nothing_to_see_or_to_do(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    own = browser.get("/sign-in").form("/sign-in").fields["form"]
    assert browser.get("/account/passkeys").location == "/sign-in?then=passkeys"
    for path in ("/account/passkeys/add", "/account/passkeys/remove"):
        assert browser.post(path, {"form": own}).location == "/sign-in?then=passkeys"


def test_what_is_too_large_or_no_answer_is_told_and_harms_nothing(remit: RemitProcess) -> None:
    browser, device = by_password(remit, "analyst"), SoftwareAuthenticator(remit.url)
    form = browser.get("/account/passkeys").form("/account/passkeys/add")
    right = device.create(form.options)
    for answer in ("", "x", "[" * 20_000, right[:-2], "é"):
        page = browser.submit(form, name="phone", answer=answer)
        assert page.status == 401
        assert "The passkey was not accepted" in page.text
    assert browser.submit(form, name="", answer=right).status == 400
    assert browser.submit(form, name="phone", answer="x" * 70_000).status == 413
    assert browser.submit(form, name="phone", answer=right).status == 303


def test_signing_in_again_leads_where_it_was_asked_for_and_nowhere_else(remit: RemitProcess) -> None:
    for then, there in (("passkeys", "/account/passkeys"), ("https://evil.example", "/account"), ("", "/account")):
        browser = with_password(remit)
        page = browser.get(f"/sign-in?then={then}")
        assert "evil" not in page.body
        answer = browser.submit(page.form("/sign-in"), name="engineer", password=RIGHT, then=then)
        assert answer.location == there


# how it is sent ---------------------------------------------------------------------------------------------------
def test_one_script_of_ours_runs_on_the_pages_that_ask_for_a_passkey_and_none_elsewhere(remit: RemitProcess) -> None:
    browser = by_password(remit)
    asking = [browser.get("/sign-in"), browser.get("/account/passkeys")]
    others = [browser.get(path) for path in ("/account", link_of(remit), "/password")]
    for page in asking:
        policy = page.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "'unsafe" not in policy
        assert re.findall(r"<script.*?</script>", page.body, re.DOTALL) == [SCRIPT]
        assert not re.search(r"\son\w+=", page.body)
    for page in others:
        assert "script-src" not in page.headers["content-security-policy"]
        assert "<script" not in page.body
    script = Browser(remit.url).get("/passkey.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert Browser(remit.url).get("/passkey.js", Host="evil.example").status == 421


def test_at_an_address_no_passkey_is_asked_for_and_it_is_told_why(tmp_path: Path) -> None:
    with remit_process.remit_process(tmp_path, SERVERS, POLICIES, surveyed=False) as addressed:
        browser = by_password(addressed)
        assert "passkey" not in Browser(addressed.url).get("/sign-in").body
        page = browser.get("/account/passkeys")
        assert "passkeys are bound to a name" in page.text
        assert "<script" not in page.body


def test_no_challenge_answer_or_cookie_is_in_the_ledger_or_the_log(remit: RemitProcess) -> None:
    browser, device = by_password(remit), SoftwareAuthenticator(remit.url)
    form = browser.get("/account/passkeys").form("/account/passkeys/add")
    answer = device.create(form.options)
    assert browser.submit(form, name="for the record", answer=answer).status == 303
    written = "\n".join(ledger(remit)) + (remit.folder / "serve.log").read_text()
    for secret in (form.options["challenge"], form.fields["challenge"], answer, *browser.cookies.values()):
        assert secret not in written
    assert '"passkey":"for the record"' in written
