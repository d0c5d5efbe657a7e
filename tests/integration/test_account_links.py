"""The first person and the recovered one, by the command line, with a Remit that runs and without."""

from __future__ import annotations

import time
from pathlib import Path

from tests.peers import remit_process
from tests.peers.authenticator import SoftwareAuthenticator
from tests.peers.browser import Browser
from tests.peers.person import RIGHT
from tests.peers.remit_process import RemitProcess

POLICIES = {"acme/all.cedar": remit_process.PERMIT_ALL}
SERVERS = {"idle": {"tenants": ["acme"], "stdio": {"command": ["sleep", "60"]}}}
ALONE = {"engineer": {"tenant": "acme", "passkey": "required"}}
NOTE = "nobody can sign in yet"


def wait_until_said(remit: RemitProcess, words: str) -> None:
    late_s = time.monotonic() + 10
    while words not in (remit.folder / "serve.log").read_text():
        assert time.monotonic() < late_s
        time.sleep(0.01)


def entered(remit: RemitProcess, link: str, password: str = RIGHT) -> Browser:
    browser = Browser(remit.url)
    form = browser.get(link.removeprefix(remit.url)).form("/password")
    assert browser.submit(form, password=password, again=password).location == "/sign-in?set=1"
    answer = browser.submit(browser.get("/sign-in").form("/sign-in"), name="engineer", password=password)
    assert answer.status == 303
    return browser


def test_the_first_person_gets_in_with_a_link_made_before_remit_ran_and_nobody_else_does(tmp_path: Path) -> None:
    with remit_process.remit_process(
        tmp_path, SERVERS, POLICIES, surveyed=False, host="localhost", accounts=ALONE
    ) as first:
        wait_until_said(first, NOTE)
        remit_process.stop(first)
        made = first.cli("account", "first")  # by the lock, while nothing runs
        assert made["account"] == "engineer"
        running = remit_process.start(first.folder, first.url)
        try:
            entered(running, made["link"])
            refused = running.cli("account", "first", expect=2)
            assert "somebody of acme can sign in already" in str(refused)
            assert "remit account invite engineer" in str(refused)
            remit_process.stop(running)
            assert made["link"].partition("=")[2] not in (first.folder / "serve.log").read_text()
            (first.folder / "serve.log").write_text("")
            running = remit_process.start(first.folder, first.url)
            wait_until_said(first, "ready")
            remit_process.stop(running)
            assert NOTE not in (first.folder / "serve.log").read_text()
        finally:
            remit_process.stop(running)


def test_a_person_who_lost_their_passkey_starts_again_and_whoever_found_it_does_not_get_in(tmp_path: Path) -> None:
    with remit_process.remit_process(
        tmp_path, SERVERS, POLICIES, surveyed=False, host="localhost", accounts=ALONE
    ) as remit:
        browser, lost = (
            entered(remit, remit.cli("account", "first", "engineer")["link"]),
            SoftwareAuthenticator(remit.url),
        )
        add = browser.get("/account/passkeys").form("/account/passkeys/add")
        assert browser.submit(add, name="lost", answer=lost.create(add.options)).status == 303
        step = browser.get("/sign-in").form("/sign-in/passkey")
        assert browser.submit(step, answer=lost.get(step.options)).location == "/account"

        link = remit.cli("account", "recover", "engineer")["link"]
        assert browser.get("/account").location == "/sign-in"
        found = Browser(remit.url)
        form = found.get("/sign-in").form("/sign-in/passkey")
        assert found.submit(form, answer=lost.get(form.options)).status == 401
        again = entered(remit, link, RIGHT + " anew")
        assert again.get("/sign-in").location == "/account/passkeys"  # a first passkey, once more
        records = "".join(path.read_text() for path in (remit.folder / "state" / "ledger").glob("*.jsonl"))
        assert '"event":"recovered"' in records
