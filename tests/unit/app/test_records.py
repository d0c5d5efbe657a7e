from __future__ import annotations

from pathlib import Path

from remit.adapters.ledger.index import LedgerIndex
from remit.app.records import newest_store_sequence
from remit.core.ledger import RecordKind
from tests.scenes.ledger import FIELDS, Scene


def test_the_store_s_age_is_the_highest_any_record_saw_not_the_last(tmp_path: Path) -> None:
    """Two grants made at once: stored as 1 and 2, recorded as 2 and 1."""
    scene = Scene(tmp_path / "ledger")
    ledger, index = scene.open(), LedgerIndex(tmp_path / "index.sqlite3", scene.directory)
    try:
        assert newest_store_sequence(index) == 0
        for sequence in (2, 1):
            ledger.write(RecordKind.GRANT, f"dec_{sequence}", FIELDS | {"event": "created", "store_sequence": sequence})
        assert newest_store_sequence(index) == 2
    finally:
        index.close()
        ledger.close()
