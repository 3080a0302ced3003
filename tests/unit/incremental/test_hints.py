"""The look at many boards: what monday's log tells, and what it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from boardlift.monday.client import MondayClient
from boardlift.monday.hints import Glance, LogEvent, glance
from boardlift.sandbox import Account, Fault, Sandbox

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(name: str, *items: int, at: datetime | None = AT) -> LogEvent:
    return LogEvent(name, items, at)


def seen(*events: LogEvent, complete: bool = True) -> Glance:
    return Glance("1", 10, AT, events, complete)


@pytest.mark.parametrize(
    ("given", "doubt"),
    [
        (seen(), ""),
        (seen(event("delete_pulse", 7), event("update_column_value", 8), event("batch_archive_pulses", 1, 2)), ""),
        (seen(event("create_column"), event("board_view_enabled"), event("subscribe"), event("create_update", 7)), ""),
        (seen(event("delete_pulse")), "its log holds an event that names no item (delete_pulse)"),
        (seen(event("update_column_value")), "its log holds an event that names no item (update_column_value)"),
        (seen(event("delete_group")), "its log holds an event that is not known (delete_group)"),
        (seen(event("teleport", 7)), "its log holds an event that is not known (teleport)"),
        (seen(event("")), "its log holds an event that is not known (without a name)"),
        (seen(complete=False), "its log has more events than monday gives at once"),
    ],
)
def test_what_the_log_explains(given: Glance, doubt: str) -> None:
    """What names an item in a known way; everything else has somebody look."""
    assert given.doubt == doubt


def test_only_what_may_have_changed_an_item_names_it() -> None:
    """A comment or a subscription moves nothing of it."""
    given = seen(event("create_update", 1), event("subscribe", 2), event("update_name", 3), event("delete_pulse", 4))
    assert given.mentioned == {3, 4}


def test_events_without_a_time_cannot_be_counted() -> None:
    """Nor those of a log that was cut off."""
    given = [event("subscribe"), event("subscribe", at=AT - timedelta(hours=1))]
    assert seen(*given).events_since(AT) == 1
    assert seen(*given, event("subscribe", at=None)).events_since(AT) is None
    assert seen(*given, complete=False).events_since(AT) is None


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=60, items=3, columns=1)) as running:
        yield running


def test_sixty_boards_take_two_calls(sandbox: Sandbox) -> None:
    """Counts, newest changes and events of each."""
    account = sandbox.account
    boards = {str(board.id): datetime.fromtimestamp(account.now() - 300, UTC) for board in account.boards}
    first = account.boards[0]
    account.delete_item(first.item_id(1))
    with MondayClient(sandbox.url, sandbox.token) as client:
        found = glance(client, boards)
        assert client.stats().calls == 2
    assert found.keys() == boards.keys()
    one = found[str(first.id)]
    assert (one.items_count, one.mentioned, one.doubt) == (2, {first.item_id(1)}, "")
    assert all(each.newest for each in found.values())


def test_one_bad_board_is_left_out(sandbox: Sandbox) -> None:
    """It takes none of its neighbours with it."""
    account = sandbox.account
    boards = {str(board.id): datetime.fromtimestamp(account.now() - 300, UTC) for board in account.boards[:8]}
    bad = account.boards[5].id
    sandbox.service.faults.add(Fault("internal_error_200", board=bad, operation="Glance", times=None))
    with MondayClient(sandbox.url, sandbox.token, retries=0) as client:
        assert glance(client, boards).keys() == boards.keys() - {str(bad)}


def test_a_query_that_is_not_taken_is_not_asked_again(sandbox: Sandbox) -> None:
    """Once more of two boards alone, to tell that it is the question; its halves would be refused as well."""
    now = datetime.fromtimestamp(sandbox.account.now(), UTC)
    sandbox.service.faults.add(
        Fault("errors_200", shape="validation", message="no such argument", operation="Glance", times=None)
    )
    with MondayClient(sandbox.url, sandbox.token) as client:
        assert glance(client, {str(board.id): now for board in sandbox.account.boards[:8]}) == {}
        assert client.stats().calls == 3


@pytest.mark.parametrize("place", [0, 5, 7])
def test_one_board_of_which_it_is_not_taken_is_left_out(sandbox: Sandbox, place: int) -> None:
    account = sandbox.account
    boards = {str(board.id): datetime.fromtimestamp(account.now() - 300, UTC) for board in account.boards[:8]}
    bad = account.boards[place].id
    sandbox.service.faults.add(
        Fault("errors_200", shape="validation", message="no such column", board=bad, operation="Glance", times=None)
    )
    with MondayClient(sandbox.url, sandbox.token) as client:
        assert glance(client, boards).keys() == boards.keys() - {str(bad)}


@pytest.mark.parametrize(
    ("data", "items"),
    [
        ({"pulse_id": 12345678901}, {12345678901}),
        ({"item_id": "7"}, {7}),
        ({"pulse_ids": [1, "2"]}, {1, 2}),
        ({"pulses": [{"id": 3}, {"pulse_id": "4"}, {"other": 5}, None]}, {3, 4}),
        ({"board_id": 9}, set()),
        ([1, 2], set()),
        ("no json", set()),
    ],
)
def test_items_in_the_data_of_an_event(sandbox: Sandbox, data: object, items: set[int]) -> None:
    """Its keys differ from event to event; what is not understood names nobody."""
    board = sandbox.account.boards[0]
    sandbox.account.rename_item(board.item_id(0), "x")
    board.log[-1]["data"] = data if isinstance(data, str) else json.dumps(data)
    since = datetime.fromtimestamp(sandbox.account.now() - 60, UTC)
    with MondayClient(sandbox.url, sandbox.token) as client:
        found = glance(client, {str(board.id): since})[str(board.id)]
    assert found.mentioned == items
    assert bool(found.doubt) == (not items)
