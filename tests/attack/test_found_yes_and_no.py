"""What a person or an administrator ended is over, whatever is still under way: an older yes, a second tab, a crash."""

from __future__ import annotations

import pytest

from remit.flows.oauth_error import OAuthError
from tests.attack.test_found_consents import Person
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
