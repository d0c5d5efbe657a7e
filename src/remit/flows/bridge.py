"""Which era a request may meet which server in. Translation between eras will live here; until then only equal eras
meet.
"""

from __future__ import annotations

from remit.core.catalog import Era, Server
from remit.core.errors import refuse
from remit.core.reasons import Reason


def require_same_era(era: Era, server: Server) -> None:
    """Refuse with the versions the server does speak, so that a client of either era falls back cleanly (G1). A server
    that has not answered any survey yet is an outage: nobody knows what it speaks.
    """
    if not server.eras:
        raise refuse(Reason.UPSTREAM_UNREACHABLE, f"{server.name} has not answered yet")
    if era not in server.eras:
        supported = [version for versions in server.versions.values() for version in versions]
        raise refuse(
            Reason.ERA_MISMATCH,
            f"{server.name} speaks {', '.join(supported)}",
            data={"supported": supported},
        )
