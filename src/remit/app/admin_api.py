"""The second listener: administration over HTTP, on a port of its own, with bounds of its own."""

from __future__ import annotations

from typing import Final

from remit import __version__
from remit.app.acts.table import Acts
from remit.app.settings import Configuration
from remit.app.wiring import Remit
from remit.flows.admin_tokens import AdminTokens
from remit.surfaces.admin import openapi
from remit.surfaces.admin.api import AdminApi, resource_metadata
from remit.surfaces.admin.problem import framing_problem
from remit.surfaces.mcp.listener import Listener, Timing
from remit.wire.http1 import Limits

BODY_BYTES_MAX: Final = 65_536
CONNECTIONS_MAX: Final = 200


def admin_listener(configuration: Configuration, remit: Remit, acts: Acts) -> Listener:
    """Not yet listening. It has no way to `/mcp` or a page, and the public one none to it."""
    admin_url, issuer = configuration.settings.admin_url, remit.create_grant.registry.issuer
    tokens = AdminTokens(remit.walk.authenticator, remit.grants, remit.administer, remit.files.clock, admin_url)
    content = openapi.document(admin_url=admin_url, issuer=issuer, version=__version__)
    described = openapi.PATH.encode("ascii"), openapi.encoded(content)
    api = AdminApi(
        admin_url,
        tokens.asker,
        acts,
        documents=dict([resource_metadata(admin_url, issuer), described]),
        clock=remit.files.clock,
    )
    return Listener(
        api,
        limits=Limits(body_bytes_max=BODY_BYTES_MAX),
        timing=Timing(),
        connections_max=CONNECTIONS_MAX,
        misframed=framing_problem,
    )
