"""What a person or an administrator ended is over, whatever is still under way: an older yes, a second tab, a crash."""

from __future__ import annotations

import pytest

from remit.core.errors import Refusal
from remit.core.grant import GrantState
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.flows.oauth_error import OAuthError
from tests.attack.test_found_consents import DESKTOP, Person
from tests.scenes.authority import RESOURCE, scopes


@pytest.fixture
def person() -> Person:
    return Person()


async def test_a_server_that_is_cut_off_is_reached_by_no_code_of_an_older_yes(person: Person) -> None:
    older = await person.agreed(person.asked(resource=RESOURCE), scopes=scopes("git", "files"))
    newer = await person.agreed(person.asked(resource=RESOURCE), scopes=scopes("files"))
    await person.own.cut(person.session, server="git")
    with pytest.raises(OAuthError):
        await person.exchanged(older)
    assert (await person.exchanged(newer)).granted.grant.scopes == scopes("files")


async def test_a_no_after_the_yes_in_another_tab_is_no_second_answer(person: Person) -> None:
    pending = person.asked()
    code = await person.agreed(pending)
    with pytest.raises(Refusal) as refused:
        await person.authorize.decline(pending, person.session)
    assert refused.value.reason is Reason.INVALID_REQUEST_STATE
    assert [record["event"] for record in person.ledger.of_kind(RecordKind.CONSENT)] == ["given"]
    assert await person.exchanged(code)
    other = person.asked()
    assert "access_denied" in await person.authorize.decline(other, person.session)


async def test_a_client_that_was_forbidden_before_a_crash_is_refreshed_no_more(person: Person) -> None:
    """The rule is stored, and the process dies before what was granted is ended."""
    made = await person.exchanged(await person.agreed())
    forbidden: set[tuple[str, str, str]] = set()
    person.create.forbids = lambda *about: about in forbidden
    refresh = {"refresh_token": made.refresh.expose().decode()}
    again = await person.redeem.refresh(DESKTOP, refresh)
    forbidden.add(("acme", "desktop", "git"))
    with pytest.raises(OAuthError, match="forbade"):
        await person.redeem.refresh(DESKTOP, {"refresh_token": again.refresh.expose().decode()})
    assert person.state(made.granted.grant) is GrantState.REVOKED
