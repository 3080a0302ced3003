"""read_response: every shape an answer is known to take becomes an Answer or the right error."""

from __future__ import annotations

import json

import msgspec
import pytest

from boardlift.errors import (
    AuthRejected,
    BudgetExhausted,
    ConfigError,
    CursorExpired,
    DailyLimitReached,
    PermissionMissing,
    QueryRejected,
    SourceError,
    SourceUnavailable,
    Transient,
)
from boardlift.monday.codes import ERROR_CODES, rule_of
from boardlift.monday.wire import Answer, Request, encode, is_too_complex, read_response

HEADERS = {"API-Version": "2026-10", "X-Request-Id": "r-1"}


def read(body: object, status: int = 200, headers: dict[str, str] | None = None, pinned: str = "2026-10") -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_response(status, HEADERS if headers is None else headers, raw, pinned)


def coded(code: str, **extensions: object) -> dict[str, object]:
    return {"errors": [{"message": "said", "extensions": {"code": code, **extensions}}]}


def test_a_request_is_an_object_with_variables_as_an_object() -> None:
    """Variables travel as a JSON object, never as a string; the label stays at home."""
    body = json.loads(encode(Request("Q", "query Q{me{id}}", {"ids": ["1"]}, label="1")))
    assert body == {"query": "query Q{me{id}}", "variables": {"ids": ["1"]}}


def test_a_good_answer_carries_its_frame() -> None:
    """Fields stay raw; complexity, quotas, request id and version are read."""
    body = {"data": {"complexity": {"query": 7, "before": 9, "after": 2, "reset_in_x_seconds": 5}, "me": {"id": "1"}}}
    got = read(body, headers={**HEADERS, "RateLimit": '"concurrency";r=79', "RateLimit-Policy": '"concurrency";q=80'})
    assert (got.complexity and got.complexity.query, got.request_id, got.served_version) == (7, "r-1", "2026-10")
    assert (got.quotas["concurrency"].limit, got.quotas["concurrency"].remaining) == (80, 79)
    assert json.loads(bytes(got.data["me"])) == {"id": "1"}
    assert got.errors == ()


@pytest.mark.parametrize(("rule", "code"), [(rule, code) for rule in ERROR_CODES for code in rule.codes])
def test_every_code_of_the_table_raises_its_class(rule: object, code: str) -> None:
    """Each spelling of each code decides, whatever the HTTP status says."""
    expected = rule_of(read_error(code)).error
    with pytest.raises(expected) as caught:
        read(coded(code))
    assert type(caught.value) is expected is rule.error  # type: ignore[attr-defined]
    assert caught.value.hint


def read_error(code: str) -> object:
    from boardlift.errors import ApiError

    return ApiError("said", code)


@pytest.mark.parametrize("code", ["user_unauthorized", "USER-UNAUTHORIZED", "UserUnauthorized"])
def test_codes_are_matched_without_regard_to_spelling(code: str) -> None:
    """The API spells the same code in several ways."""
    with pytest.raises(PermissionMissing):
        read({"data": {"boards": None}, **coded(code)})


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"errors": ["Not Authenticated"]}, 401, AuthRejected),
        ({"errors": [{"message": "Your ip is restricted"}]}, 401, AuthRejected),
        ({"error_message": "Not Authenticated"}, 401, AuthRejected),
        (
            {"error_code": "ComplexityException", "error_message": "x reset in 17 seconds", "status_code": 429},
            200,
            BudgetExhausted,
        ),
        ({"error_message": "Internal server error", "error_code": "INTERNAL_SERVER_ERROR"}, 500, SourceUnavailable),
        (
            {"data": None, "errors": [{"message": "no", "extensions": {"error_code": "INTERNAL_SERVER_ERROR"}}]},
            200,
            SourceUnavailable,
        ),
        ({"errors": [{"message": 'Cannot query field "x" on type "Board".', "locations": []}]}, 200, QueryRejected),
        ({"errors": [{"message": 'Cannot query field "x" on type "Board".', "locations": []}]}, 400, QueryRejected),
        ({"errors": [{"message": "Daily limit exceeded"}]}, 429, DailyLimitReached),
        ({"errors": ["Minute limit rate exceeded"]}, 429, BudgetExhausted),
        ({"errors": ["Concurrency limit exceeded"]}, 429, BudgetExhausted),
        (
            {"errors": [{"message": "CursorExpiredError: The cursor provided for pagination has expired"}]},
            200,
            CursorExpired,
        ),
        (
            {"errors": {"message": "one, not in a list", "extensions": {"code": "DAILY_LIMIT_EXCEEDED"}}},
            200,
            DailyLimitReached,
        ),
        ({"errors": [None, 3, [], {}]}, 200, QueryRejected),
        ({"errors": "Internal server error"}, 200, SourceUnavailable),
        ({"errors": [{"message": "a code nobody knows", "extensions": {"code": "NEW_CODE"}}]}, 200, QueryRejected),
        ({"errors": [{"message": "a code nobody knows", "extensions": {"code": "NEW_CODE"}}]}, 503, SourceUnavailable),
        ({"data": None}, 200, SourceUnavailable),
        ({}, 200, SourceUnavailable),
        ([], 200, SourceUnavailable),
        ("text", 200, SourceUnavailable),
        ({"data": []}, 200, SourceUnavailable),
        ({"data": "x", "errors": ["Not authenticated"]}, 200, AuthRejected),
    ],
)
def test_shapes_of_all_years(body: object, status: int, expected: type[SourceError]) -> None:
    """Strings, legacy fields, bare validation errors and empty answers all find their class."""
    with pytest.raises(expected) as caught:
        read(body, status)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"", SourceUnavailable),
        (200, b"<!DOCTYPE html><html>maintenance</html>", SourceUnavailable),
        (200, b'{"data":{"boards":[{"id":"1","na', SourceUnavailable),
        (200, b'{"data":{"boards":"\xff\xfe', SourceUnavailable),
        (500, b"<html>", SourceUnavailable),
        (502, b"Bad Gateway", SourceUnavailable),
        (504, b"", SourceUnavailable),
        (408, b"", SourceUnavailable),
        (429, b"slow down", BudgetExhausted),
        (401, b"", AuthRejected),
        (403, b"<html>blocked by the firewall</html>", AuthRejected),
        (301, b"", ConfigError),
        (404, b"<html>not here</html>", ConfigError),
        (407, b"", ConfigError),
        (413, b"too large", QueryRejected),
        (200, b'{"data":' + b"[" * 100_000, SourceUnavailable),
        (200, b'{"data":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", SourceUnavailable),
    ],
)
def test_bodies_that_are_not_the_apis(status: int, body: bytes, expected: type[Exception]) -> None:
    """HTML, truncation, emptiness and absurd nesting are told by the HTTP status, and nothing crashes."""
    with pytest.raises(expected) as caught:
        read(body, status, {})
    assert type(caught.value) is expected


def test_the_wait_is_the_largest_of_header_and_body() -> None:
    """The API asks to retry no earlier than any wait it names."""
    with pytest.raises(BudgetExhausted) as caught:
        read(coded("RATE_LIMIT_EXCEEDED", retry_in_seconds=7), 429, {**HEADERS, "Retry-After": "30"})
    assert caught.value.retry_in == 30
    with pytest.raises(BudgetExhausted) as caught:
        read(coded("FIELD_LIMIT_EXCEEDED", error_data={"retry_in_seconds": 15}), 429, {**HEADERS, "Retry-After": "3"})
    assert caught.value.retry_in == 15


def test_the_wait_in_words_of_older_answers_counts() -> None:
    """'reset in 17 seconds' is a wait."""
    with pytest.raises(BudgetExhausted) as caught:
        read({"error_code": "ComplexityException", "error_message": "Complexity budget exhausted, reset in 17 seconds"})
    assert caught.value.retry_in == 17


def test_without_a_told_wait_the_spent_quota_tells_one() -> None:
    """A quota with nothing left and its reset time stand in for Retry-After."""
    with pytest.raises(BudgetExhausted) as caught:
        read(b"", 429, {"RateLimit": '"minuteRate";r=0;t=38, "concurrency";r=249'})
    assert caught.value.retry_in == 38


def test_a_retry_after_date_is_measured_by_the_answers_own_date() -> None:
    """No clock of ours is needed, nor trusted."""
    headers = {"Date": "Sun, 01 Nov 2026 10:00:00 GMT", "Retry-After": "Sun, 01 Nov 2026 10:00:42 GMT"}
    with pytest.raises(SourceUnavailable) as caught:
        read(b"", 503, headers)
    assert caught.value.retry_in == 42


def test_one_query_too_complex_is_told_apart_from_a_spent_minute() -> None:
    """The refusal with maxComplexity is not transient: a smaller page is needed, not a wait."""
    with pytest.raises(QueryRejected) as caught:
        read(coded("ComplexityException", complexity=6_000_000, maxComplexity=5_000_000))
    assert is_too_complex(caught.value)
    assert not isinstance(caught.value, Transient)


def test_partial_data_is_kept_with_its_errors() -> None:
    """A board that may not be seen is a null among its neighbours, and an error beside them."""
    got = read({"data": {"boards": [{"id": "1"}, None]}, **coded("USER_UNAUTHORIZED")})
    assert [error.code for error in got.errors] == ["USER_UNAUTHORIZED"]
    assert json.loads(bytes(got.data["boards"])) == [{"id": "1"}, None]


def test_a_lost_field_with_an_error_is_no_answer() -> None:
    """The field asked for is null: the error is raised."""
    with pytest.raises(PermissionMissing):
        read({"data": {"complexity": {"query": 1}, "boards": None}, **coded("USER_UNAUTHORIZED")})


def test_a_null_field_that_no_error_names_is_an_answer() -> None:
    """An error about one field does not spoil another that is null by right."""
    body = {"data": {"me": {"id": "1"}, "account": None}, "errors": [{"message": "x", "path": ["me", "email"]}]}
    assert len(read(body).errors) == 1


@pytest.mark.parametrize("code", ["COMPLEXITY_BUDGET_EXHAUSTED", "INTERNAL_SERVER_ERROR", "DAILY_LIMIT_EXCEEDED"])
def test_a_spoiling_error_beside_data_is_raised(code: str) -> None:
    """When a budget ends in the middle of an answer, boards are missing that no error names."""
    with pytest.raises(SourceError):
        read({"data": {"boards": [{"id": "1"}]}, **coded(code)})


def test_all_errors_are_kept_and_the_gravest_decides() -> None:
    """Several errors: one class, every text."""
    body = {
        "errors": [
            {"message": "first", "extensions": {"code": "USER_UNAUTHORIZED"}},
            {"message": "second", "extensions": {"code": "undefinedField"}, "path": ["boards", 0, "x"]},
        ]
    }
    with pytest.raises(QueryRejected) as caught:
        read(body)
    assert [error.message for error in caught.value.all_errors] == ["first", "second"]
    assert "first" in caught.value.message
    assert "second at boards.0.x" in caught.value.message


def test_another_version_than_the_pinned_one_is_an_error() -> None:
    """A version out of maintenance is served silently by another; that must not go unseen."""
    with pytest.raises(SourceError, match=r"version 2026-07 although 2026-10") as caught:
        read({"data": {"me": {}}}, headers={"api-version": "2026-07"})
    assert type(caught.value) is SourceError


def test_answers_without_a_version_are_accepted() -> None:
    """The router's refusals and 401s carry none; they are judged by what they say."""
    with pytest.raises(QueryRejected):
        read({"errors": [{"message": "Cannot query field"}]}, headers={})
    assert read({"data": {"me": {}}}, headers={}).served_version == ""


def test_a_refusal_of_the_moment_wins_over_the_version() -> None:
    """A spent budget is told as such even if another version says it."""
    with pytest.raises(BudgetExhausted):
        read(coded("COMPLEXITY_BUDGET_EXHAUSTED"), headers={"api-version": "2026-07"})


def test_hybrid_answers_of_2024_tell_each_error_once() -> None:
    """`errors` and the top-level fields say the same; the code comes from where it stands."""
    with pytest.raises(QueryRejected) as caught:
        read({"errors": [{"message": "bad"}], "error_message": "bad", "error_code": "InvalidArgumentException"})
    assert [(error.message, error.code) for error in caught.value.all_errors] == [("bad", "InvalidArgumentException")]


@pytest.mark.parametrize("wait", [-1, "soon", True, None, "NaN", {}])
def test_a_wait_that_is_no_number_is_not_believed(wait: object) -> None:
    """The usual pause of the code holds instead."""
    with pytest.raises(BudgetExhausted) as caught:
        read(coded("IP_RATE_LIMIT_EXCEEDED", retry_in_seconds=wait), 429)
    assert caught.value.retry_in == 10


def test_a_flood_of_errors_is_cut() -> None:
    """Thousands of long errors neither fill the memory nor the screen."""
    body = {"errors": [{"message": "x" * 5000 + str(n), "extensions": {"code": "undefinedField"}} for n in range(3000)]}
    with pytest.raises(QueryRejected) as caught:
        read(body)
    assert len(caught.value.all_errors) == 51
    assert len(caught.value.message) < 40_000


def test_raw_fields_are_slices_not_copies() -> None:
    """A field is a view of the answer's own bytes."""
    got = read({"data": {"boards": [1, 2]}})
    assert isinstance(got.data["boards"], msgspec.Raw)
    assert "boards" not in repr(got)
