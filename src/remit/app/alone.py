"""Administration without a running Remit: the same acts, decided and recorded alike, by this process.

It holds the ledger's lock, so no Remit can start meanwhile; it opens no port and reaches no server.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future

from remit.adapters.ledger.segment import HeldByAnother as HeldByAnother
from remit.app.acts.table import Acts
from remit.app.settings import Configuration
from remit.app.wiring import assemble
from remit.surfaces.admin.socket import LINE_BYTES_MAX, AdminSocket


class Alone:
    """A Remit on a thread of its own that answers one peer: whoever holds `socket`, in place of a connection to the
    administration socket. Who that is comes from the kernel here too.
    """

    def __init__(self, configuration: Configuration) -> None:
        """Raises what `assemble` raises, among it `HeldByAnother`."""
        self._configuration = configuration
        self.socket, self._theirs = socket.socketpair()
        self._started: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="remit-alone")
        self._thread.start()
        try:
            self._started.result()
        except BaseException:
            self.socket.close()
            self._thread.join()
            raise

    def close(self) -> None:
        """Wait until everything is written and given back. Raises `Outage` if it could not be."""
        self.socket.close()
        self._thread.join()
        self._ended.result()

    def _run(self) -> None:
        try:
            asyncio.run(self._answer())
            self._ended.set_result(None)
        except BaseException as problem:  # noqa: BLE001  handed over to whoever waits, whatever it is
            (self._ended if self._started.done() else self._started).set_exception(problem)

    async def _answer(self) -> None:
        try:
            remit = await assemble(self._configuration, ask_servers=False)
        except BaseException:
            self._theirs.close()
            raise
        try:
            acts = Acts(remit, remit.files.clock.monotonic_s())
            admin = AdminSocket(self._configuration.socket_path, acts.at_socket, others_may_connect=False)
            reader, writer = await asyncio.open_unix_connection(sock=self._theirs, limit=LINE_BYTES_MAX)
            self._started.set_result(None)
            await admin.converse(reader, writer)
        finally:
            await remit.stop()
