"""Sealing: what was sealed opens for the same purpose and binding, and for nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.adapters.sealer.aead import AeadSealer
from remit.core.secret import Secret
from remit.ports.sealer import Unsealed
from remit.testing.clock import FakeEntropy

OLD, NEW = Secret(b"o" * 32), Secret(b"n" * 32)


def sealer(*keys: Secret) -> AeadSealer:
    return AeadSealer(keys or (NEW,), FakeEntropy())


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_was_sealed_opens_again(content: bytes, binding: bytes) -> None:
    subject = sealer()
    assert subject.open("cursor", subject.seal("cursor", content, bound_to=binding), bound_to=binding) == content


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_no_changed_character_goes_unnoticed(position: int, to: str) -> None:
    subject = sealer()
    sealed = subject.seal("cursor", b"content", bound_to=b"grant")
    position %= len(sealed)
    changed = sealed[:position] + to + sealed[position + 1 :]
    if changed == sealed:
        assert subject.open("cursor", changed, bound_to=b"grant") == b"content"
    else:
        with pytest.raises(Unsealed):
            subject.open("cursor", changed, bound_to=b"grant")


@pytest.mark.parametrize(("purpose", "binding"), [("session", b"grant"), ("cursor", b"another"), ("cursor", b"")])
def test_another_purpose_or_binding_does_not_open(purpose: str, binding: bytes) -> None:
    subject = sealer()
    sealed = subject.seal("cursor", b"content", bound_to=b"grant")
    with pytest.raises(Unsealed):
        subject.open(purpose, sealed, bound_to=binding)
    assert subject.open("cursor", sealed, bound_to=b"grant") == b"content"


@pytest.mark.parametrize("text", ["", "x", "é", "AAAA", "A" * 1000, "=", "sealed text"])
def test_what_nobody_sealed_does_not_open(text: str) -> None:
    with pytest.raises(Unsealed):
        sealer().open("cursor", text, bound_to=b"")


def test_another_spelling_of_the_same_bytes_does_not_open() -> None:
    """An ended handle must not come back with its spare bits flipped or padding added."""
    subject = sealer()
    sealed = subject.seal("cursor", b"c", bound_to=b"")
    assert subject.open("cursor", sealed, bound_to=b"") == b"c"
    for twin in (sealed + "=", sealed + "==", sealed + "\n", sealed[:-1] + chr(ord(sealed[-1]) + 1)):
        with pytest.raises(Unsealed):
            subject.open("cursor", twin, bound_to=b"")


def test_a_new_key_seals_while_the_old_one_still_opens() -> None:
    before = sealer(OLD).seal("cursor", b"content", bound_to=b"")
    rotated = sealer(NEW, OLD)
    assert rotated.open("cursor", before, bound_to=b"") == b"content"
    assert sealer(NEW).open("cursor", rotated.seal("cursor", b"content", bound_to=b""), bound_to=b"") == b"content"
    with pytest.raises(Unsealed):
        sealer(NEW).open("cursor", before, bound_to=b"")


def test_two_seals_of_one_content_differ_and_are_visible_ascii() -> None:
    subject = sealer()
    first, second = (subject.seal("cursor", b"content", bound_to=b"") for _ in range(2))
    assert first != second
    assert all(0x21 <= ord(character) <= 0x7E for character in first)


@pytest.mark.parametrize("keys", [[], [Secret(b"short")]])
def test_no_key_or_a_short_one_is_refused_at_start(keys: list[Secret]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        AeadSealer(keys, FakeEntropy())
