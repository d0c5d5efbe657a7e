"""A browser without a window: keeps cookies as a real one would, fills in the forms it is shown, follows no link by
itself.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Form:
    """`options` are what a form that asks for a passkey has for its script."""

    action: str
    fields: dict[str, str]
    options: dict[str, Any] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self._inside_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._inside_style = tag == "style"
        if tag == "form":
            self.forms.append(Form(found["action"], {}, json.loads(found.get("data-options", "{}"))))
        elif tag == "input" and self.forms:
            self.forms[-1].fields[found["name"]] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        if not self._inside_style:
            self.text.append(data)


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def text(self) -> str:
        """What a person reads, white space made plain."""
        return " ".join(" ".join(self._read().text).split())

    @property
    def forms(self) -> list[Form]:
        return self._read().forms

    def form(self, action: str, **holding: str) -> Form:
        """The one form with this action (and these fields)."""
        (found,) = (form for form in self.forms if form.action == action and holding.items() <= form.fields.items())
        return found

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.body)
        return reader


@dataclass(slots=True)
class Browser:
    """`url` is the origin it is pointed at."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Page:
        return self._ask("GET", path, "", {"Sec-Fetch-Site": "none"} | headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        """`headers` beside those every browser sends with a form; underscores stand for hyphens."""
        usual = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": self.url,
            "Sec-Fetch-Site": "same-origin",
        }
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._ask("POST", path, urlencode(fields), usual | given)

    def submit(self, form: Form, **typed: str) -> Page:
        return self.post(form.action, form.fields | typed)

    def _ask(self, verb: str, path: str, body: str, headers: dict[str, str]) -> Page:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT_S)
        sent = dict(headers)
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(verb, path, body, sent)
            answer = connection.getresponse()
            page = Page(answer.status, answer.headers, answer.read().decode("utf-8"))
        finally:
            connection.close()
        for line in page.headers.get_all("set-cookie", []):
            self._take(line)
        return page

    def _take(self, line: str) -> None:
        ((name, morsel),) = SimpleCookie(line).items()
        if name.startswith("__Host-") and not (morsel["secure"] and morsel["path"] == "/" and not morsel["domain"]):
            return  # as a browser does (RFC 6265bis section 4.1.3.2)
        if morsel["max-age"] == "0":
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = morsel.value
