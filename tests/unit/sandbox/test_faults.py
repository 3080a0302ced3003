"""Each fault does what its name says, to the calls it is aimed at."""

from __future__ import annotations

import time

import httpx
import pytest

from boardlift.sandbox import Fault

BOARDS = "query Listing($ids:[ID!]){boards(ids:$ids,limit:2){id items_page(limit:5){cursor items{id}}}}"
NEXT = "query($c:String!){next_items_page(cursor:$c,limit:5){cursor items{id}}}"


def aimed(ask, **settings: object) -> None:
    """Start a sandbox with one fault."""
    ask.start(faults=(Fault(**settings),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "status", "code", "header"),
    [
        ("429_retry_after", 429, None, True),
        ("429_retry_in_seconds", 429, "RATE_LIMIT_EXCEEDED", False),
        ("429_bare", 429, None, False),
        ("complexity_200", 200, "COMPLEXITY_BUDGET_EXHAUSTED", False),
        ("complexity_429", 429, "COMPLEXITY_BUDGET_EXHAUSTED", True),
        ("daily_limit", 429, "DAILY_LIMIT_EXCEEDED", True),
        ("concurrency", 429, "maxConcurrencyExceeded", True),
        ("ip_limit", 429, "IP_RATE_LIMIT_EXCEEDED", True),
        ("unauthorized_401", 401, "NOT_AUTHENTICATED", False),
    ],
)
def test_refusals_have_their_status_code_and_header(
    ask, kind: str, status: int, code: str | None, header: bool
) -> None:
    """The first call is refused in the named way, the second passes."""
    aimed(ask, kind=kind, seconds=7)
    refused = ask.post(BOARDS)
    assert refused.status_code == status
    assert refused.json()["errors"][0].get("extensions", {}).get("code") == code
    assert ("Retry-After" in refused.headers) == header
    assert "data" in ask.post(BOARDS).json()


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ("code", {"data", "errors", "extensions"}),
        ("error_code", {"data", "errors", "extensions"}),
        ("strings", {"errors"}),
        ("legacy", {"error_message", "error_code", "error_data", "status_code", "account_id"}),
        ("validation", {"errors", "extensions"}),
        ("several", {"data", "errors", "extensions"}),
        ("null_board", {"data", "errors", "extensions"}),
    ],
)
def test_errors_inside_200_come_in_every_recorded_shape(ask, shape: str, keys: set[str]) -> None:
    """Whole answers, partial data, strings and the shape of 2024."""
    aimed(ask, kind="errors_200", shape=shape, code="InvalidBoardIdException")
    answer = ask.post(BOARDS)
    assert answer.status_code == 200
    assert set(answer.json()) == keys


def test_a_null_board_keeps_the_list_and_names_the_path(ask) -> None:
    """Partial data: every board of the answer is null with an error each."""
    aimed(ask, kind="errors_200", shape="null_board")
    body = ask.post(BOARDS).json()
    assert body["data"] == {"boards": [None, None]}
    assert [error["path"] for error in body["errors"]] == [["boards", 0], ["boards", 1]]


def test_an_internal_error_hides_its_code_in_error_code(ask) -> None:
    """HTTP 200, data null, an empty path."""
    aimed(ask, kind="internal_error_200")
    body = ask.post(BOARDS).json()
    assert body["data"] is None
    assert body["errors"][0]["extensions"]["error_code"] == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize(("kind", "status"), [("html", 502), ("html_200", 200)])
def test_html_comes_instead_of_json(ask, kind: str, status: int) -> None:
    """A proxy's page."""
    aimed(ask, kind=kind)
    answer = ask.post(BOARDS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")


def test_server_errors_have_the_asked_status(ask) -> None:
    """A 5xx of choice."""
    aimed(ask, kind="5xx", status=504)
    assert ask.post(BOARDS).status_code == 504


def test_a_body_may_be_cut_or_empty(ask) -> None:
    """JSON that ends in the middle, and no JSON at all; the connection lives on."""
    ask.start(faults=(Fault("truncated_json"), Fault("empty_body")))
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        ask.post(BOARDS).json()
    assert ask.post(BOARDS).content == b""
    assert "data" in ask.post(BOARDS).json()


@pytest.mark.parametrize("where", ["before", "middle"])
def test_a_reset_breaks_the_connection(ask, where: str) -> None:
    """Before the answer or half-way through its body."""
    aimed(ask, kind="reset", where=where)
    with pytest.raises(httpx.TransportError):
        ask.post(BOARDS)
    assert "data" in ask.post(BOARDS).json()


def test_a_timeout_lets_the_client_wait(ask) -> None:
    """Nothing comes for the given seconds."""
    aimed(ask, kind="timeout", seconds=0.6)
    ask.http.timeout = 0.2
    with pytest.raises(httpx.ReadTimeout):
        ask.post(BOARDS)


def test_slow_answers_late_but_right(ask) -> None:
    """The answer comes after the given seconds."""
    aimed(ask, kind="slow", seconds=0.2)
    start = time.monotonic()
    assert "data" in ask.post(BOARDS).json()
    assert time.monotonic() - start >= 0.2


def test_another_version_may_serve(ask) -> None:
    """The header names a version that was not asked for."""
    aimed(ask, kind="wrong_version", version="2025-04")
    assert ask.post(BOARDS).headers["API-Version"] == "2025-04"


def test_a_cursor_may_expire_early(ask) -> None:
    """The second page of one board fails once, then works."""
    board = ask.start(faults=(Fault("cursor_expired", operation="next_items_page"),)).account.board("Inventory")
    cursor = ask.data(BOARDS, ids=[board.id])["boards"][0]["items_page"]["cursor"]
    assert ask.post(NEXT, c=cursor).json()["errors"][0]["extensions"]["code"] == "CursorException"
    assert ask.data(NEXT, c=cursor)["next_items_page"]["items"]


def test_a_lying_server_loses_or_repeats_items(ask) -> None:
    """The last items of a page are missing without a word; or the first one comes twice."""
    board = ask.start(faults=(Fault("partial_page", items=2), Fault("duplicate_item"))).account.board("Inventory")
    short = ask.data(BOARDS, ids=[board.id])["boards"][0]["items_page"]["items"]
    twice = ask.data(BOARDS, ids=[board.id])["boards"][0]["items_page"]["items"]
    assert len(short) == 3
    assert len(twice) == 5
    assert twice[0] == twice[-1]


def test_a_fault_is_aimed_by_board_operation_and_call(ask) -> None:
    """Only calls that read the board, and of those the second and third."""
    account = ask.start().account
    board, other = account.board("Inventory"), account.board("Factories")
    ask.control("add_fault", kind="5xx", board=board.id, operation="Listing", after=1, times=2)
    hits = [ask.post(BOARDS, ids=[row.id]).status_code for row in (other, board, board, other, board, board)]
    assert hits == [200, 200, 503, 200, 503, 200]
    ask.control("add_fault", kind="5xx", call=8, status=500)
    assert [ask.post(BOARDS).status_code for _ in range(3)] == [200, 500, 200]
    assert ask.sandbox.stats()["faults"] == {"5xx": 3}


def test_a_fault_aimed_at_a_board_also_hits_its_cursors(ask) -> None:
    """A later page belongs to the board of its cursor."""
    board = ask.start().account.board("Inventory")
    cursor = ask.data(BOARDS, ids=[board.id])["boards"][0]["items_page"]["cursor"]
    ask.control("add_fault", kind="5xx", board=board.id)
    assert ask.post(NEXT, c=cursor).status_code == 503
    ask.control("add_fault", kind="5xx", times=None)
    ask.control("clear_faults")
    assert ask.post(NEXT, c=cursor).status_code == 200


def test_a_misspelt_fault_is_refused() -> None:
    """The message lists the kinds there are."""
    with pytest.raises(ValueError, match="429_retry_after"):
        Fault("429")  # type: ignore[arg-type]
