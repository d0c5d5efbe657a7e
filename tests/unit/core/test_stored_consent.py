"""A consent comes back from the store exactly as it was put there, or not at all."""

from __future__ import annotations

import json

import pytest

from remit.core.consent import ConsentState
from remit.core.errors import Outage
from remit.core.principals import Principal, PrincipalKind
from remit.core.scope import constraint
from remit.core.stored_consent import from_stored, to_stored
from tests.scenes.consent import READ, a_consent

RICH = a_consent(
    subject=Principal(PrincipalKind.HUMAN, "7", "https://idp.test"),
    constraints=frozenset(constraint(READ, "n", "one_of", [value, "é"]) for value in (1, 1.0, True)),
    purpose_class="",
)


@pytest.mark.parametrize("state", list(ConsentState))
def test_a_consent_comes_back_as_it_was(state: ConsentState) -> None:
    for consent in (a_consent(state=state), a_consent(state=state, constraints=RICH.constraints, subject=RICH.subject)):
        assert from_stored(to_stored(consent)) == consent


@pytest.mark.parametrize("member", sorted(json.loads(to_stored(RICH))))
def test_a_consent_with_a_part_missing_is_no_consent(member: str) -> None:
    document = json.loads(to_stored(RICH))
    del document[member]
    with pytest.raises(Outage):
        from_stored(json.dumps(document).encode())


@pytest.mark.parametrize("member", sorted(json.loads(to_stored(RICH))))
@pytest.mark.parametrize("value", [None, True, {}, [None], [["x"]], -1])
def test_a_consent_with_a_part_of_another_type_is_no_consent(member: str, value: object) -> None:
    if (member.endswith("_s") and value == -1) or (member == "calls_max" and value is None):
        value = "1"
    with pytest.raises(Outage):
        from_stored(json.dumps(json.loads(to_stored(RICH)) | {member: value}).encode())


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("format", "remit.grant/1"), ("format", "remit.consent/1"), ("calls_max", 0),
        ("calls_max", 1.5), ("state", "alive"), ("scopes", ["*"]),
        ("scopes", "files"), ("subject", ["God", "x", ""]), ("subject", ["Human", "x"]),
        ("constraints", [["files/read", "a", "like", ["x"]]]),
        ("constraints", [["*", "a", "equals", ["x"]]]), ("ttl_s", float("inf")), ("expires_at_s", float("nan")),
    ],
)  # fmt: skip
def test_a_consent_with_nonsense_in_it_is_no_consent(member: str, value: object) -> None:
    with pytest.raises(Outage):
        from_stored(json.dumps(json.loads(to_stored(RICH)) | {member: value}).encode())


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff", b"1"])
def test_what_is_no_document_is_no_consent(content: bytes) -> None:
    with pytest.raises(Outage):
        from_stored(content)
