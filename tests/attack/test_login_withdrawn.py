"""A client, its redirect or a person is taken out of the configuration in the middle of a login, or an administrator
forbids what was asked: nobody is sent where the client was, and no token comes of it. Put back, the same login goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.peers import remit_process
from tests.peers.browser import Browser
from tests.peers.person import Asking, agreed, begun, listed, logged_in, parameters_of, token, with_person
from tests.peers.remit_process import RemitProcess

YES = {"purpose": "try it", "ttl_s": "3600", "answer": "yes", "scope-probe": "yes"}
Change = Callable[[dict[str, Any]], object]
WITHDRAWN: dict[str, tuple[Change, str]] = {
    "the client": (lambda found: found["clients"].pop("desktop"), "invalid_client"),
    "its redirect": (
        lambda found: found["clients"]["desktop"].update(redirect_uris=["https://new.example/cb"]),
        "invalid_grant",
    ),
    "its tenant": (lambda found: found["clients"]["desktop"].update(tenant="globex"), "unauthorized_client"),
    "the person": (lambda found: found["accounts"].pop("engineer"), "unauthorized_client"),
}


class Operator:
    """Restarts Remit with another remit.yaml, and with the one there was."""

    def __init__(self, running: RemitProcess) -> None:
        self.running = running
        self._file = running.folder / "remit.yaml"
        self._usual = self._file.read_text()

    def restart(self, change: Change = bool) -> RemitProcess:
        settings = yaml.safe_load(self._usual)
        change(settings)
        self._file.write_text(yaml.safe_dump(settings))
        remit_process.stop(self.running)
        self.running = remit_process.start(self.running.folder, self.running.url)
        return self.running


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with with_person(tmp_path) as running:
        found = Operator(running)
        try:
            yield found
        finally:
            remit_process.stop(found.running)


def refreshed(remit: RemitProcess, refresh: str) -> httpx2.Response:
    return token(remit, grant_type="refresh_token", client_id="desktop", refresh_token=refresh)


@pytest.mark.parametrize("what", WITHDRAWN)
def test_what_is_withdrawn_at_any_step_gets_no_further_and_put_back_it_does(operator: Operator, what: str) -> None:
    """A token that was given before is good for the rest of its five minutes: `remit revoke` ends it at once."""
    change, error = WITHDRAWN[what]
    remit, browser = operator.running, Browser(operator.running.url)
    first, code = logged_in(remit)
    made = token(remit, **first.exchange(code)).json()
    asked, second = Asking(remit), Asking(remit)
    *_, question = begun(browser, asked.url).forms
    late = agreed(browser, second.url, **{"scope-probe": "yes"})["code"]
    remit = operator.restart(change)
    assert not browser.submit(question, **YES).location.startswith("http")
    no = browser.submit(question, answer="no").location
    assert no.startswith("http") is (what == "its tenant")  # which is still where it was
    assert token(remit, **second.exchange(late)).json()["error"] == error
    again = refreshed(remit, made["refresh_token"])
    if what != "its redirect":  # where codes went once is no matter of refreshing
        assert again.json()["error"] in (error, "invalid_grant")
        assert listed(remit, made["access_token"]) == 200
        remit.cli("revoke", "--grant", remit.cli("grant", "list")["grants"][0]["id"])
        assert listed(remit, made["access_token"]) == 401
    remit = operator.restart()
    assert token(remit, **second.exchange(late)).status_code == 200
    if what == "the person":  # whose sessions went with the account
        assert begun(browser, Asking(remit).url).status == 200
        return
    code = parameters_of(browser.submit(question, **YES).location)["code"]
    assert token(remit, **asked.exchange(code)).status_code == 200


@pytest.mark.parametrize("forbidden", [("--server", "probe"), ()], ids=["a server", "the client"])
def test_what_is_forbidden_in_the_middle_gets_neither_code_nor_token(
    operator: Operator, forbidden: tuple[str, ...]
) -> None:
    remit, browser = operator.running, Browser(operator.running.url)
    asking, late = Asking(remit), Asking(remit)
    code = agreed(browser, asking.url, **{"scope-probe": "yes"})["code"]
    *_, question = begun(browser, late.url).forms
    rule = remit.cli("consent", "forbid", "desktop", "--tenant", "acme", *forbidden)["rule"]
    assert token(remit, **asking.exchange(code)).json()["error"] == "invalid_grant"
    answer = browser.submit(question, **YES)
    assert (answer.status, answer.location) == (403, "")
    remit.cli("consent", "drop", rule)
    answer = browser.submit(question, **YES)
    assert token(remit, **late.exchange(parameters_of(answer.location)["code"])).status_code == 200
