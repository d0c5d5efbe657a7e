"""A secret has no printable form."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from remit.core.secret import Secret

VALUE = b"s3cr3t-value"


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "%s".__mod__, lambda secret: f"{secret:>20}"])
def test_no_way_of_printing_shows_it(show: object) -> None:
    assert "s3cr3t" not in show(Secret(VALUE))  # type: ignore[operator]


@pytest.mark.parametrize(
    "leak", [pickle.dumps, json.dumps, copy.deepcopy, hash, lambda secret: secret == Secret(VALUE)]
)
def test_it_cannot_be_serialised_copied_hashed_or_compared(leak: object) -> None:
    with pytest.raises(TypeError):
        leak(Secret(VALUE))  # type: ignore[operator]


def test_it_can_be_used() -> None:
    assert Secret(VALUE).expose() == VALUE
