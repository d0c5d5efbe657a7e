"""Acts about records: explain, read, export, prove, erase."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from remit.adapters.ledger import reader
from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments, decision_of, object_of
from remit.app.wiring import canonical
from remit.core.administration import Act, ActPermitted
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.flows import explain as explaining
from remit.flows.explain import first_visible, visible

FOLLOW_EVERY_S = 0.25
PAGE_RECORDS = 100
PAGE_RECORDS_MAX = 1_000


async def explain(acting: Acting, arguments: Arguments) -> Answer:
    decision_id = decision_of(arguments)
    detail = {"decision": decision_id}
    permitted = await acting.permit(Act.EXPLAIN, acting.tenants(Act.EXPLAIN), detail)
    return await explaining.explain(acting.remit.records, decision_id, permitted.tenants)


async def tail(acting: Acting, arguments: Arguments) -> Answer:
    count = arguments.get("count", 20)
    if not isinstance(count, int) or not 0 <= count <= 10_000:
        raise refuse(Reason.INVALID_PARAMS, "count: expected 0 to 10000")
    permitted = await acting.permit(Act.AUDIT_READ, acting.tenants(Act.AUDIT_READ), {"count": count})
    return _tail(acting, permitted.tenants, count, follow=arguments.get("follow") is True)


async def _tail(
    acting: Acting, tenants: frozenset[str], count: int, *, follow: bool
) -> AsyncIterator[Mapping[str, Any]]:
    folder = acting.remit.configuration.ledger_dir
    lines = await asyncio.to_thread(reader.tail, folder, count)
    after = lines[-1] if lines else None
    while True:
        for line in lines:
            if visible(line.record, tenants):
                yield line.record
        if not follow or after is None:
            return
        await asyncio.sleep(FOLLOW_EVERY_S)
        lines = await asyncio.to_thread(_after, folder, after)
        after = lines[-1] if lines else after


async def page(acting: Acting, arguments: Arguments) -> Answer:
    """Records of some tenants are left out of a page, not made up for from the next: `after` says how far it read."""
    after, limit = arguments.get("after", 0), arguments.get("limit", PAGE_RECORDS)
    if type(after) is not int or type(limit) is not int or after < 0 or not 1 <= limit <= PAGE_RECORDS_MAX:
        raise refuse(Reason.INVALID_PARAMS, f"after: expected 0 or more; limit: expected 1 to {PAGE_RECORDS_MAX}")
    permitted = await acting.permit(Act.AUDIT_READ, acting.tenants(Act.AUDIT_READ), {"after": after, "limit": limit})
    read, last = await acting.remit.records.page(after, limit)
    records = [record for record in read if visible(record, permitted.tenants)]
    return {"records": records, "after": last, "more": len(read) == limit}


async def head(acting: Acting, arguments: Arguments) -> Answer:
    await acting.permit(Act.AUDIT_READ, acting.tenants(Act.AUDIT_READ), {})
    return reader.anchor_to_json(await acting.remit.files.ledger.durable_head())


async def export(acting: Acting, arguments: Arguments) -> Answer:
    first, last = arguments.get("first", 1), arguments.get("last")
    if not isinstance(first, int) or not isinstance(last, int | None):
        raise refuse(Reason.INVALID_PARAMS, "first and last are sequence numbers")
    detail = {"first": first, "last": last}
    permitted = await acting.permit(Act.AUDIT_EXPORT, acting.tenants(Act.AUDIT_EXPORT), detail)
    return _export(acting, permitted.tenants, first, last)


async def _export(
    acting: Acting, tenants: frozenset[str], first: int, last: int | None
) -> AsyncIterator[Mapping[str, Any]]:
    folder = acting.remit.configuration.ledger_dir
    lines = iter(reader.lines_after(folder, 0, 0))
    while (line := await asyncio.to_thread(next, lines, None)) is not None:
        record = line.record
        if first <= record["seq"] <= (last or record["seq"]) and visible(record, tenants):
            yield record


async def prove(acting: Acting, arguments: Arguments) -> Answer:
    """Whether a decision was about exactly these arguments, which are looked at and kept nowhere."""
    asked, supposed = decision_of(arguments), object_of(arguments, "arguments")
    try:
        canon = canonical(supposed) if supposed else b""
    except TypeError as problem:
        raise refuse(Reason.INVALID_PARAMS, f"arguments: {problem}") from None
    permitted = await _permit_about(acting, Act.AUDIT_PROVE, asked)
    with acting.refusals_recorded(permitted):
        proof = await acting.remit.records.prove(asked, canon)
    return {"proof": proof, "decision_id": permitted.decision_id}


async def erase(acting: Acting, arguments: Arguments) -> Answer:
    """The record of the act is durable before the salt is gone."""
    asked = decision_of(arguments)
    permitted = await _permit_about(acting, Act.AUDIT_ERASE, asked)
    with acting.refusals_recorded(permitted):
        erased = await acting.remit.records.erase(asked)
    return {"erased": erased, "decision_id": permitted.decision_id}


async def _permit_about(acting: Acting, act: Act, asked: str) -> ActPermitted:
    """An act about one decision is its tenant's; a decision that may not be seen looks like one there never was."""
    found, own = await acting.remit.records.find(asked), acting.tenants(act)
    try:
        tenant = first_visible(found, asked, own).get("tenant")
    except Refusal as refusal:
        permitted = await acting.permit(act, own, {"decision": asked})
        acting.remit.administer.refused(permitted, refusal)
        raise
    tenants = frozenset({tenant}) if tenant else own
    return await acting.permit(act, tenants, {"decision": asked})


def _after(folder: Any, line: reader.Line) -> list[reader.Line]:
    return list(reader.lines_after(folder, line.segment, line.end))
