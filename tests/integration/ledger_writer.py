"""A process that writes calls to a ledger as fast as it can and says on stdout which ones were acknowledged as durable.

    python -m tests.integration.ledger_writer DIRECTORY RUN

It never ends by itself: the test kills it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import uvloop

from remit.adapters.clock.system import SystemClock, SystemEntropy
from remit.adapters.ledger.file import FileLedger, LedgerOptions
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.testing.ledger import FakeLedgerKey
from tests.scenes.ledger import FIELDS

SMALL = LedgerOptions(segment_bytes_max=16_000, checkpoint_records_max=20, refusals_s=0.005, heartbeat_s=0.01)


async def main(directory: Path, run: str) -> None:
    loop = asyncio.get_running_loop()
    ledger = FileLedger(directory, FakeLedgerKey(), SystemClock(), SystemEntropy(), loop=loop, options=SMALL)

    async def call(worker: int) -> None:
        number = 0
        while True:
            number += 1
            decision_id = f"dec_{run}_{worker}_{number}"
            position = ledger.write(RecordKind.INTENT, decision_id, FIELDS, arguments=decision_id.encode())
            ledger.refused(Reason.TOKEN_INVALID)
            await ledger.durable(position)
            os.write(1, f"{decision_id}\n".encode())
            ledger.write(RecordKind.OUTCOME, decision_id, {"status": "ok"})

    await asyncio.gather(*(call(worker) for worker in range(8)))


uvloop.run(main(Path(sys.argv[1]), sys.argv[2]))
