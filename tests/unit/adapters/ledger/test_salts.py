from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.adapters.ledger.index import LedgerIndex
from remit.adapters.ledger.salts import SALT_BYTES, Proof
from remit.core.ledger import RecordKind
from tests.scenes.ledger import FIELDS, Scene

ARGUMENTS = b'{"path":"/srv/acme"}'


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """More records with arguments than one block of salts holds, and one without."""
    scene = Scene(tmp_path / "ledger")
    ledger = scene.open()
    for n in range(150):
        ledger.write(RecordKind.INTENT, f"dec_{n}", FIELDS, arguments=ARGUMENTS)
    ledger.write(RecordKind.INTENT, "dec_bare", FIELDS)
    ledger.close()
    return scene


@pytest.fixture
def index(scene: Scene, tmp_path: Path) -> Iterator[LedgerIndex]:
    index = LedgerIndex(tmp_path / "index.sqlite3", scene.directory)
    yield index
    index.close()


@pytest.mark.parametrize("decision_id", ["dec_0", "dec_63", "dec_64", "dec_149"])
def test_the_arguments_of_a_record_can_be_proven_and_others_cannot(index: LedgerIndex, decision_id: str) -> None:
    assert index.prove(decision_id, ARGUMENTS) is Proof.MATCHES
    assert index.prove(decision_id, ARGUMENTS + b" ") is Proof.DIFFERS


def test_a_record_without_arguments_proves_that_there_were_none(index: LedgerIndex) -> None:
    assert index.prove("dec_bare", b"") is Proof.NO_ARGUMENTS
    assert index.prove("dec_bare", ARGUMENTS) is Proof.DIFFERS
    assert index.prove("dec_nobody", ARGUMENTS) is None


def test_a_record_that_is_no_intent_has_no_digest_to_hold_anything_against(scene: Scene, index: LedgerIndex) -> None:
    """A denial may have been about these arguments or others: saying that they differ would be a lie."""
    ledger = scene.open()
    ledger.write(RecordKind.DENIAL, "dec_denied", FIELDS | {"reason": "policy_forbid"})
    ledger.close()
    assert index.prove("dec_denied", ARGUMENTS) is Proof.NO_DIGEST
    assert index.prove("dec_denied", b"") is Proof.NO_DIGEST


def test_an_erased_salt_makes_its_digest_mute_and_no_other(scene: Scene, index: LedgerIndex) -> None:
    assert index.erase("dec_7")
    assert index.prove("dec_7", ARGUMENTS) is Proof.ERASED
    assert index.prove("dec_6", ARGUMENTS) is Proof.MATCHES
    assert index.prove("dec_8", ARGUMENTS) is Proof.MATCHES
    assert scene.verify().verified


def test_there_is_nothing_to_erase_without_arguments(index: LedgerIndex) -> None:
    assert not index.erase("dec_bare")
    assert not index.erase("dec_nobody")


def test_every_record_has_a_salt_of_its_own(scene: Scene) -> None:
    salts = (scene.directory / "salts-00000001.bin").read_bytes()
    each = {salts[at : at + SALT_BYTES] for at in range(0, len(salts), SALT_BYTES)}
    assert len(each) == len(salts) // SALT_BYTES >= 150
    digests = {record["args_digest"] for record in scene.records() if "args_digest" in record}
    assert len(digests) == 150
