"""The document says what the table says: every route, every shape, every scope, and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tools.reference.openapi import ADMIN, PUBLIC

from remit.core.administration import AT_SOCKET_ALONE, Act
from remit.surfaces.admin.openapi import DOCUMENTS, document
from remit.surfaces.admin.routes import ROUTES, Route

CONTENT = document(admin_url=ADMIN, issuer=PUBLIC, version="1")
PATHS: dict[str, dict[str, Any]] = CONTENT["paths"]


def test_every_route_is_in_it_and_nothing_else() -> None:
    told = {(method.upper(), path) for path, operations in PATHS.items() for method in operations}
    assert told == {(route.method, route.path) for route in ROUTES} | {("GET", path) for path in DOCUMENTS}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_is_told_with_what_it_takes_and_what_lets_a_client_use_it(route: Route) -> None:
    told = PATHS[route.path][route.method.lower()]
    names = {(parameter["in"], parameter["name"]) for parameter in told["parameters"]}
    wanted = {("path", name) for name in route.parameters}
    wanted |= {("query", name) for name in (route.query.__struct_fields__ if route.query else ())}
    assert names == wanted | ({("header", "Idempotency-Key")} if route.retried else set())
    assert ("requestBody" in told) is (route.body is not None)
    assert told["security"] == [{"administration": [f"remit:{route.act.value}"]}]
    assert {str(route.status), "401", "403", "404", "409", "422", "429", "503"} <= told["responses"].keys()


def test_what_it_refers_to_is_there() -> None:
    text = json.dumps(CONTENT)
    for part in text.split('"$ref": "#/')[1:]:
        found: Any = CONTENT
        for name in part.partition('"')[0].split("/"):
            found = found[name]
        assert found


def test_every_act_that_a_client_may_do_is_a_scope() -> None:
    flow = CONTENT["components"]["securitySchemes"]["administration"]["flows"]["authorizationCode"]
    assert set(flow["scopes"]) == {"remit", *(f"remit:{act.value}" for act in set(Act) - AT_SOCKET_ALONE)}
