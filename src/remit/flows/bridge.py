"""Which era a request may meet which server in. Translation between eras will live here; until then only equal eras
meet.
"""

from __future__ import annotations

from remit.core.catalog import Era, Server
from remit.core.errors import refuse
from remit.core.reasons import Reason


def require_same_era(era: Era, server: Server) -> None:
    """Refuse with the versions the server does speak, so that a client of either era falls back cleanly (G1)."""
    if era not in server.eras:
        supported = [version for versions in server.versions.values() for version in versions]
        raise refuse(
            Reason.ERA_MISMATCH,
            f"{server.name} speaks {', '.join(supported) or 'nothing yet'}",
            data={"supported": supported},
        )
