"""What is refused is noted, said on, and refused all the same."""

from __future__ import annotations

import pytest

from remit.core.errors import Refusal, refuse
from remit.core.logins import Step
from remit.core.reasons import Reason
from remit.flows.answer_error import AnswerError
from remit.flows.login_trace import LoginTrace
from remit.flows.oauth_error import OAuthError
from remit.testing.clock import FakeClock


def begun() -> LoginTrace:
    trace = LoginTrace(FakeClock())
    trace.begin("req_1", {"client_id": "desktop"})
    return trace


def last(trace: LoginTrace) -> tuple[Step, str]:
    login = trace.book.find("req_1")
    assert login is not None
    return login.steps[-1].step, login.steps[-1].detail


@pytest.mark.parametrize(
    ("error", "noted"),
    [
        (AnswerError("https://c/?code=x", "invalid_scope", "no"), (Step.ERROR_SENT, "invalid_scope: no")),
        (OAuthError("invalid_grant", "too old"), (Step.EXCHANGE_REFUSED, "invalid_grant: too old")),
        (refuse(Reason.OUTSIDE_GRANT, "wider"), (Step.EXCHANGE_REFUSED, "outside_grant: wider")),
    ],
)
def test_each_kind_of_refusal_is_noted_and_goes_on(error: Exception, noted: tuple[Step, str]) -> None:
    trace = begun()
    with pytest.raises(type(error)), trace.refusals("req_1", Step.EXCHANGE_REFUSED):
        raise error
    assert last(trace) == noted


def test_a_refusal_knows_which_login_it_ended() -> None:
    with pytest.raises(Refusal) as caught, begun().refusals("req_1"):
        raise refuse(Reason.OUTSIDE_GRANT)
    assert caught.value.login_id == "req_1"


def test_nothing_is_noted_of_what_went_well_or_belongs_to_no_login() -> None:
    trace = begun()
    with trace.refusals("req_1"):
        pass
    with pytest.raises(Refusal), trace.refusals(""):
        raise refuse(Reason.OUTSIDE_GRANT)
    trace.note("", Step.REFRESHED)
    assert [(login.id, len(login.steps)) for login in trace.book] == [("req_1", 1)]
