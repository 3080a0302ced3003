"""Every recorded answer of the real API goes through read_response: an Answer, or the error it should be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from boardlift.errors import (
    AuthRejected,
    BoardliftError,
    BudgetExhausted,
    PermissionMissing,
    QueryRejected,
    SourceUnavailable,
)
from boardlift.monday.wire import read_response

SAMPLES = Path(os.environ.get("BOARDLIFT_SAMPLES") or Path(__file__).parents[4] / "shared" / "monday-api" / "samples")

EXPECTED: dict[str, type[BoardliftError] | None] = {
    "undefinedField": QueryRejected,
    "argumentLiteralsIncompatible": QueryRejected,
    "": QueryRejected,
    "USER_UNAUTHORIZED": PermissionMissing,
    "InvalidBoardIdException": PermissionMissing,
    "InvalidColumnIdException": PermissionMissing,
    "InvalidItemIdException": PermissionMissing,
    "ResourceNotFoundException": PermissionMissing,
    "INTERNAL_SERVER_ERROR": SourceUnavailable,
    "COMPLEXITY_BUDGET_EXHAUSTED": BudgetExhausted,
    "NOT_AUTHENTICATED": AuthRejected,
    "Not Authenticated": AuthRejected,
}


@dataclass(frozen=True)
class Recorded:
    name: str
    status: int
    headers: dict[str, str]
    body: dict[str, object]

    @property
    def code(self) -> str | None:
        """The code of the recorded error, read in the plainest way; None when there is none."""
        if "error_code" in self.body:
            return str(self.body["error_code"])
        errors = self.body.get("errors")
        if not isinstance(errors, list):
            return None
        first = errors[0]
        if isinstance(first, str):
            return first
        extensions = first.get("extensions", {})
        return str(extensions.get("code") or extensions.get("error_code") or "")


def ruby() -> Iterator[Recorded]:
    for path in sorted((SAMPLES / "ruby-cassettes-2024-2025").glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            record = json.loads(line)
            version = record["api_version_header"]
            headers = {"api-version": version} if version else {}
            yield Recorded(f"{path.stem}-{number}", int(record["http_status"]), headers, record["body"])


def nango() -> Iterator[Recorded]:
    for path in sorted((SAMPLES / "nango-2026").glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))["api"]["post"]["/v2"]
        for number, call in enumerate(found if isinstance(found, list) else [found]):
            yield Recorded(f"{path.stem}-{number}", call["status"], call["headers"], call["response"])


def airbyte() -> Iterator[Recorded]:
    for path in sorted((SAMPLES / "airbyte").glob("*.json")):
        yield Recorded(path.stem, 200, {}, json.loads(path.read_text(encoding="utf-8")))


ALL = [*ruby(), *nango(), *airbyte()] if SAMPLES.is_dir() else []


def test_the_samples_are_there() -> None:
    """Without the recorded answers this file proves nothing, and says so."""
    if not ALL:
        pytest.skip(f"no recorded answers at {SAMPLES}; set BOARDLIFT_SAMPLES")
    assert len(ALL) > 150


@pytest.mark.parametrize("recorded", ALL, ids=lambda recorded: recorded.name)
def test_a_recorded_answer_is_understood(recorded: Recorded) -> None:
    """Read with the version it was recorded in: an Answer where data came, else the class of its code."""
    pinned = recorded.headers.get("api-version", "")
    body = json.dumps(recorded.body, ensure_ascii=False).encode()
    code = recorded.code
    if code is None:
        answer = read_response(recorded.status, recorded.headers, body, pinned)
        assert answer.data
        assert answer.errors == ()
        return
    expected = EXPECTED[code]
    with pytest.raises(BoardliftError) as caught:
        read_response(recorded.status, recorded.headers, body, pinned)
    assert type(caught.value) is expected
    assert caught.value.hint


def test_every_recorded_rate_limit_header_is_read() -> None:
    """The answers of 9 July 2026 carry quotas that differ from the documented table."""
    with_header = [recorded for recorded in ALL if "ratelimit" in recorded.headers]
    if not ALL:
        pytest.skip(f"no recorded answers at {SAMPLES}; set BOARDLIFT_SAMPLES")
    quotas = [read_response(r.status, r.headers, json.dumps(r.body).encode(), "2026-04").quotas for r in with_header]
    assert len(quotas) == 17
    assert {(q["minuteRate"].limit, q["concurrency"].limit, q["complexityMinute"].limit) for q in quotas} == {
        (1335, 80, 5_000_000)
    }
