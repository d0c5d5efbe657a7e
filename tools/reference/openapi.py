"""docs/reference/openapi-*.json, with example addresses."""

from __future__ import annotations

from remit import __version__
from remit.surfaces.admin import openapi as administration
from remit.surfaces.oauth import openapi as authorization

PUBLIC = "https://remit.example"
ADMIN = "https://admin.remit.example"


def openapi_admin() -> str:
    content = administration.document(admin_url=ADMIN, issuer=PUBLIC, version=__version__)
    return administration.encoded(content).decode()


def openapi_oauth() -> str:
    return administration.encoded(
        authorization.document(issuer=PUBLIC, version=__version__, registration=True)
    ).decode()
