"""Quotas and waits in headers."""

from __future__ import annotations

import pytest

from boardlift.monday.limits import Quota, read_quotas, retry_after, spent_until, wait_in_text


def test_the_documented_headers_are_read() -> None:
    """The example of the API page "Rate limits"."""
    quotas = read_quotas(
        {
            "ratelimit-policy": '"minuteRate";q=5000;w=60, "concurrency";q=250;qu="concurrent-requests", '
            '"complexityMinute";q=5000000;w=60;qu="content-bytes"',
            "ratelimit": '"minuteRate";r=0;t=38, "concurrency";r=249, "complexityMinute";r=4950000;t=45',
        }
    )
    assert quotas == {
        "minuteRate": Quota("minuteRate", 5000, 0, 60, 38.0),
        "concurrency": Quota("concurrency", 250, 249, None, None),
        "complexityMinute": Quota("complexityMinute", 5_000_000, 4_950_000, 60, 45.0),
    }
    assert spent_until(quotas) == 38


@pytest.mark.parametrize(
    "text", ["", "limit=10, remaining=4", '"a"', ";;;,,,", '"a";r=x;t=-1', "r=1" * 1000, '"a";r=1;q="']
)
def test_other_forms_of_the_header_do_no_harm(text: str) -> None:
    """The header follows a draft; a form we do not know tells nothing."""
    quotas = read_quotas({"ratelimit": text, "ratelimit-policy": text})
    assert all(quota.limit is None for quota in quotas.values())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"retry-after": "5"}, 5), ({"retry-after": " 2.5 "}, 2.5), ({}, None), ({"retry-after": "never"}, None)],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    """A number of seconds, or nothing."""
    assert retry_after(headers) == expected


def test_waits_in_words() -> None:
    """Only a wait that is worded as one."""
    assert wait_in_text("Complexity budget exhausted, query cost 30001 ... reset in 17 seconds") == 17
    assert wait_in_text("there are 17 seconds in it") is None
