"""What is remembered of logins: bounded, in order, and seen by the tenant it belongs to."""

from __future__ import annotations

import pytest

from remit.core.clients import Account, Client, ClientAuthentication
from remit.core.logins import DETAIL_CHARS_MAX, FIRST_STEPS, LOGINS_MAX, STEPS_MAX, Login, LoginBook, Step, concerns

SENT = {"client_id": "desktop", "resource": "https://remit.test/mcp"}
ACCOUNTS = {"alice": Account("alice", "acme", frozenset()), "gert": Account("gert", "globex", frozenset())}
CLIENTS = {
    "desktop": Client("desktop", frozenset({"acme"}), ClientAuthentication.NONE),
    "shared": Client("shared", frozenset({"acme", "globex"}), ClientAuthentication.NONE),
}


def book(*ids: str) -> LoginBook:
    found = LoginBook()
    for at_s, id in enumerate(ids):
        found.begin(id, float(at_s), SENT)
    return found


def steps(found: LoginBook, id: str) -> list[Step]:
    login = found.find(id)
    return [taken.step for taken in login.steps] if login is not None else []


def test_a_login_is_told_in_the_order_it_went() -> None:
    found = book("req_1")
    found.note("req_1", Step.SIGN_IN_NEEDED, 1.0)
    found.note("req_1", Step.SIGNED_IN, 2.0, account="alice")
    found.note("req_1", Step.EXCHANGED, 3.0, grant="grt_1")
    login = found.find("req_1")
    assert login is not None
    assert steps(found, "req_1") == [Step.BEGUN, Step.SIGN_IN_NEEDED, Step.SIGNED_IN, Step.EXCHANGED]
    assert (login.client, login.account, login.grant) == ("desktop", "alice", "grt_1")
    assert (found.of_grant("grt_1"), found.of_grant("grt_2")) == ("req_1", "")


def test_steps_alike_in_a_row_are_one_with_a_count() -> None:
    found = book("req_1")
    for at_s in range(5):
        found.note("req_1", Step.SIGN_IN_FAILED, float(at_s), "wrong")
    found.note("req_1", Step.SIGN_IN_FAILED, 9.0, "locked")
    login = found.find("req_1")
    assert login is not None
    assert [(taken.times, taken.last_at_s, taken.detail) for taken in login.steps[1:]] == [
        (5, 4.0, "wrong"),
        (1, 9.0, "locked"),
    ]


def test_a_long_login_keeps_its_first_steps_and_its_last() -> None:
    found = book("req_1")
    for number in range(2 * STEPS_MAX):
        found.note("req_1", Step.REFRESH_REFUSED, float(number), str(number))
    login = found.find("req_1")
    assert login is not None
    assert (len(login.steps), login.left_out) == (STEPS_MAX, STEPS_MAX + 1)
    assert login.steps[FIRST_STEPS - 1].detail == str(FIRST_STEPS - 2)
    assert login.steps[-1].detail == str(2 * STEPS_MAX - 1)


def test_a_detail_and_what_a_client_sent_are_cut() -> None:
    found = LoginBook()
    found.begin("req_1", 0.0, {"client_id": "x" * 10_000})
    found.note("req_1", Step.REFUSED, 0.0, "y" * 10_000)
    login = found.find("req_1")
    assert login is not None
    assert (len(login.client), len(login.steps[-1].detail)) == (256, DETAIL_CHARS_MAX)


def test_strangers_push_out_strangers_and_nobody_who_signed_in() -> None:
    found = book("req_known", "req_stranger")
    found.note("req_known", Step.SIGNED_IN, 0.0, account="alice")
    for number in range(LOGINS_MAX):
        found.begin(f"req_flood_{number}", 1.0, SENT)
    assert found.find("req_known") is not None
    assert found.find("req_stranger") is None
    assert len(list(found)) == LOGINS_MAX + 1


def test_of_those_who_signed_in_the_oldest_is_forgotten_with_its_grant() -> None:
    found = LoginBook()
    for number in range(LOGINS_MAX + 1):
        found.begin(f"req_{number}", float(number), SENT)
        found.note(f"req_{number}", Step.EXCHANGED, float(number), account="alice", grant=f"grt_{number}")
    assert (found.find("req_0"), found.of_grant("grt_0")) == (None, "")
    assert found.of_grant("grt_1") == "req_1"


def test_a_login_from_before_a_restart_begins_with_what_is_seen_of_it() -> None:
    found = LoginBook()
    found.note("req_1", Step.ASKED, 5.0, account="alice")
    assert steps(found, "req_1") == [Step.ASKED]
    assert [login.id for login in found] == ["req_1"]


def test_the_newest_comes_first() -> None:
    assert [login.id for login in book("req_1", "req_2", "req_3")] == ["req_3", "req_2", "req_1"]


@pytest.mark.parametrize(
    ("client", "account", "tenants", "sees"),
    [
        ("desktop", "", {"acme"}, True),
        ("desktop", "", {"globex"}, False),
        ("desktop", "alice", {"acme"}, True),
        ("desktop", "gert", {"acme"}, False),
        ("desktop", "gert", {"globex"}, True),
        ("shared", "", {"globex"}, True),
        ("nobody", "", {"acme"}, False),
        ("nobody", "", {"acme", "globex"}, True),
        ("desktop", "gone", {"acme"}, False),
        ("desktop", "gone", {"acme", "globex"}, True),
        ("", "", {"acme"}, False),
    ],
)
def test_a_login_is_seen_by_its_tenant_and_nobody_s_by_whoever_has_all(
    client: str, account: str, tenants: set[str], sees: bool
) -> None:
    login = Login("req_1", 0.0, client, account=account)
    assert concerns(login, frozenset(tenants), ACCOUNTS, CLIENTS, ["acme", "globex"]) is sees
