"""Every reason has one meaning, of the right kind, with safe texts; deny and outage never share a message."""

from __future__ import annotations

import pytest

from remit.core.errors import Denied, Invalid, Outage, Unauthenticated, refuse
from remit.core.meanings import MEANING
from remit.core.reasons import Kind, Reason

CLASSES = {Kind.INVALID: Invalid, Kind.UNAUTHENTICATED: Unauthenticated, Kind.DENIED: Denied, Kind.OUTAGE: Outage}


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_has_a_meaning_a_class_and_a_next_step(reason: Reason) -> None:
    meaning = MEANING[reason]
    assert type(refuse(reason)) is CLASSES[meaning.kind]
    assert meaning.text
    assert meaning.next


@pytest.mark.parametrize("reason", list(Reason))
def test_error_codes_stay_out_of_the_reserved_range_unless_a_specification_names_them(reason: Reason) -> None:
    named = {-32700, -32600, -32601, -32602, -32020, -32021, -32022}
    code = MEANING[reason].rpc_code
    assert code in named or not -32768 <= code <= -32000


def test_denials_and_outages_share_no_message() -> None:
    texts = {kind: {m.text for m in MEANING.values() if m.kind is kind} for kind in Kind}
    for kind in Kind:
        for other in Kind:
            assert kind is other or not texts[kind] & texts[other]


def test_outages_are_5xx_and_nothing_else_is() -> None:
    assert {m.kind for m in MEANING.values() if m.http_status >= 500} == {Kind.OUTAGE}
    assert all(m.http_status >= 500 for m in MEANING.values() if m.kind is Kind.OUTAGE)
