"""Where a page's form may lead, in the words a browser's policy has for it."""

from __future__ import annotations

import pytest

from remit.core.errors import Invalid
from remit.surfaces.oauth.render import form_target


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("https://app.example/cb?from=remit", "https://app.example"),
        ("https://app.example:8443/cb", "https://app.example:8443"),
        ("http://127.0.0.1:50123/cb", "http://127.0.0.1:50123"),
        ("http://[::1]:50123/cb", "http:"),
        ("https://[2001:db8::1]/cb", "https:"),
        ("cursor://anysphere/cb", "cursor:"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_a_form_leads_to_the_client_s_place(uri: str, target: str) -> None:
    assert form_target(uri) == target


@pytest.mark.parametrize("uri", ["", "javascript:alert(1)", "https://a.example;script-src *", "https://a.example x/"])
def test_what_is_no_redirect_is_no_part_of_a_policy(uri: str) -> None:
    with pytest.raises(Invalid):
        form_target(uri)
