"""Acts about the running process: its keys, and how it is doing."""

from __future__ import annotations

import asyncio

from remit import __version__
from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments
from remit.app.acts.servers import policies, servers
from remit.core.administration import Act
from remit.core.grant import GrantState


async def rotate(acting: Acting, arguments: Arguments) -> Answer:
    permitted = await acting.permit(Act.KEY_ROTATE, frozenset(), {})
    kid = await asyncio.to_thread(acting.remit.files.keys.tokens.rotate)
    return {"kid": kid, "decision_id": permitted.decision_id}


async def status(acting: Acting, arguments: Arguments) -> Answer:
    permitted = await acting.permit(Act.STATUS, frozenset(), {})
    remit = acting.remit
    await remit.policy.follow()  # else it would tell of servers as they were when the policies were last asked
    return {
        "version": __version__,
        "public_url": remit.configuration.settings.public_url,
        "uptime_s": round(remit.files.clock.monotonic_s() - acting.started_s, 1),
        "assurance": "same-user" if acting.same_user else "separate-user",
        "grants": sum(
            live.state is GrantState.ACTIVE and live.grant.tenant in permitted.tenants for live in remit.grants
        ),
        "ledger": {
            "writable": not remit.files.ledger.failure,
            "failure": remit.files.ledger.failure,
            "segment": remit.files.ledger.segment,
            "seq": remit.files.ledger.seq,
            "durable": remit.configuration.settings.ledger.durable,
        },
        "policies": policies(acting, permitted.tenants, ()),
        "servers": servers(acting, permitted.tenants),
    }
