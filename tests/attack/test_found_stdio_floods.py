"""A server talks faster than its client reads: what waits is bounded in bytes, not only in messages."""

from __future__ import annotations

import json

import pytest

from remit.adapters.upstream.mailbox import Mailbox
from remit.adapters.upstream.process import StdioProcess
from remit.adapters.upstream.stderr import StderrTail
from remit.core.catalog import Era
from remit.core.errors import Outage
from remit.core.lease import Credential
from remit.core.reasons import Reason
from remit.ports.upstream import Message, Reply

MESSAGE_BYTES_MAX = 10_000
LINE = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "y" * 4_000}}).encode()


def heard() -> tuple[StdioProcess, Mailbox[Message | Reply]]:
    process = StdioProcess(
        Era.LEGACY, StderrTail("files", Credential(), lambda: 0.0), lambda _: None, exclusive=True,
        message_bytes_max=MESSAGE_BYTES_MAX,
    )  # fmt: skip
    process.listener = Mailbox()
    return process, process.listener


async def test_large_messages_that_nobody_reads_end_the_stream_before_they_fill_memory() -> None:
    process, mailbox = heard()
    for _ in range(1_000):
        process.pipe_data_received(1, LINE + b"\n")
    assert mailbox.waiting_bytes <= MESSAGE_BYTES_MAX + len(LINE)
    for _ in range(mailbox.waiting):
        await mailbox.get()
    with pytest.raises(Outage) as refused:
        await mailbox.get()
    assert refused.value.reason is Reason.UPSTREAM_TOO_LARGE


async def test_the_same_messages_all_arrive_at_a_client_that_reads() -> None:
    process, mailbox = heard()
    for _ in range(1_000):
        process.pipe_data_received(1, LINE + b"\n")
        assert await mailbox.get() == Message(LINE)
    assert mailbox.waiting_bytes == 0
