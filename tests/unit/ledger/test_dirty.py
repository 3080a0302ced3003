"""What is dirty stays dirty until a sync that began after the event has succeeded; nothing else counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from boardlift.ledger import BoardRecord, DirtyBoard, Ledger, RunKind, RunStatus, Touched

PLACE = ("db", "monday")


def touched(
    board: str = "1", item: str = "10", uuid: str = "", *, on: str = "", event: str = "create_pulse"
) -> Touched:
    return Touched(board, on or board, item, event, uuid)


def dirty(ledger: Ledger, place: tuple[str, str] = PLACE) -> list[str]:
    return [board.board_id for board in ledger.dirty_boards(*place)]


def begin(ledger: Ledger, kind: RunKind = RunKind.SYNC, place: tuple[str, str] = PLACE) -> str:
    return ledger.start_run(kind, *place, "ada").id


def record(ledger: Ledger, run: str, board: str) -> None:
    ledger.record_board(
        run,
        BoardRecord(
            board_id=board,
            board_name="b",
            table="b",
            rows=1,
            columns=1,
            generation=1,
            seconds=0.0,
            calls=1,
            points=1,
            bytes=1,
            retries=0,
            quarantined=0,
        ),
    )


def test_an_event_makes_its_board_and_item_dirty(ledger, clock):
    assert ledger.mark_dirty(*PLACE, [touched("1", "10"), touched("2", "")]) == [True, True]
    assert ledger.dirty_boards(*PLACE) == [DirtyBoard("1", clock.now()), DirtyBoard("2", clock.now())]
    (item,) = ledger.dirty_items(*PLACE, "1")
    assert (item.item_board_id, item.item_id, item.event) == ("1", "10", "create_pulse")
    assert ledger.dirty_items(*PLACE, "2") == []


def test_a_subitem_waits_for_the_board_above(ledger):
    ledger.mark_dirty(*PLACE, [touched("1", "77", on="900")])
    assert dirty(ledger) == ["1"]
    assert [(item.item_board_id, item.item_id) for item in ledger.dirty_items(*PLACE, "1")] == [("900", "77")]


def test_the_oldest_change_tells_how_long_a_board_has_waited(ledger, clock):
    first = clock.now()
    ledger.mark_dirty(*PLACE, [touched()])
    begin(ledger)
    clock.sleep(60)
    ledger.mark_dirty(*PLACE, [touched()])
    assert ledger.dirty_boards(*PLACE) == [DirtyBoard("1", first)]


def test_a_delivery_that_comes_again_changes_nothing(ledger):
    """Also after the board was synced: a replay does not make it dirty again."""
    assert ledger.mark_dirty(*PLACE, [touched(uuid="u"), touched(uuid="u")]) == [True, False]
    run = begin(ledger)
    ledger.finish_run(run, RunStatus.SUCCEEDED)
    ledger.clean(*PLACE, run, ["1"])
    assert ledger.mark_dirty(*PLACE, [touched(uuid="u")]) == [False]
    assert dirty(ledger) == []


def test_one_trigger_may_touch_many_items(ledger):
    """A batch has one triggerUuid; every item of it counts."""
    assert ledger.mark_dirty(*PLACE, [touched(item="10", uuid="u"), touched(item="11", uuid="u")]) == [True, True]


def test_events_without_a_uuid_always_count(ledger):
    assert ledger.mark_dirty(*PLACE, [touched(), touched()]) == [True, True]


def test_old_deliveries_are_forgotten(ledger, clock):
    ledger.mark_dirty(*PLACE, [touched(uuid="old")])
    clock.sleep(3600)
    ledger.mark_dirty(*PLACE, [touched(uuid="new")])
    assert ledger.forget_deliveries(clock.now() - timedelta(minutes=30)) == 1
    assert ledger.mark_dirty(*PLACE, [touched(uuid="old"), touched(uuid="new")]) == [True, False]


@pytest.mark.parametrize("forget", ["clean", "settle"])
def test_a_sync_that_began_after_the_event_cleans(ledger, forget):
    ledger.mark_dirty(*PLACE, [touched("1"), touched("2")])
    run = begin(ledger)
    record(ledger, run, "1")
    ledger.finish_run(run, RunStatus.SUCCEEDED)
    ledger.clean(*PLACE, run, ["1"]) if forget == "clean" else ledger.settle_dirty(*PLACE)
    assert dirty(ledger) == ["2"]
    assert ledger.dirty_items(*PLACE, "1") == []
    assert len(ledger.dirty_items(*PLACE, "2")) == 1


@pytest.mark.parametrize("forget", ["clean", "settle"])
def test_an_event_during_a_sync_waits_for_the_next(ledger, clock, forget):
    """Even if the clock was set back between the two."""
    ledger.mark_dirty(*PLACE, [touched(item="10")])
    run = begin(ledger)
    clock.sleep(-600)
    ledger.mark_dirty(*PLACE, [touched(item="11")])
    record(ledger, run, "1")
    ledger.finish_run(run, RunStatus.SUCCEEDED)
    ledger.clean(*PLACE, run, ["1"]) if forget == "clean" else ledger.settle_dirty(*PLACE)
    assert dirty(ledger) == ["1"]
    assert [item.item_id for item in ledger.dirty_items(*PLACE, "1")] == ["11"]


@pytest.mark.parametrize("status", [status for status in RunStatus if status is not RunStatus.SUCCEEDED])
def test_a_sync_that_did_not_succeed_cleans_nothing(ledger, status):
    ledger.mark_dirty(*PLACE, [touched()])
    run = begin(ledger)
    record(ledger, run, "1")
    if status.ended:
        ledger.finish_run(run, status, "why")
    ledger.clean(*PLACE, run, ["1"])
    ledger.settle_dirty(*PLACE)
    assert dirty(ledger) == ["1"]
    assert len(ledger.dirty_items(*PLACE, "1")) == 1


OTHERS: dict[str, Callable[[Ledger], str]] = {
    "a rollback": lambda ledger: begin(ledger, RunKind.ROLLBACK),
    "a test run": lambda ledger: begin(ledger, RunKind.TEST),
    "another database": lambda ledger: begin(ledger, place=("other", "monday")),
    "another namespace": lambda ledger: begin(ledger, place=("db", "monday_test")),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_run_of_another_kind_or_place_settles_nothing(ledger, other):
    ledger.mark_dirty(*PLACE, [touched()])
    run = OTHERS[other](ledger)
    record(ledger, run, "1")
    ledger.finish_run(run, RunStatus.SUCCEEDED)
    ledger.settle_dirty(*PLACE)
    assert dirty(ledger) == ["1"]


def test_two_places_have_dirt_and_deliveries_of_their_own(ledger):
    other = ("elsewhere", "monday")
    assert ledger.mark_dirty(*PLACE, [touched(uuid="u")]) == [True]
    assert ledger.mark_dirty(*other, [touched(uuid="u")]) == [True]
    run = begin(ledger)
    ledger.finish_run(run, RunStatus.SUCCEEDED)
    ledger.clean(*PLACE, run, ["1"])
    assert (dirty(ledger), dirty(ledger, other)) == ([], ["1"])


def test_a_pass_over_all_boards_is_remembered(ledger, clock):
    assert ledger.last_full_pass(*PLACE) is None
    for _ in range(2):
        clock.sleep(100)
        run = begin(ledger)
        ledger.finish_run(run, RunStatus.SUCCEEDED)
        ledger.record_full_pass(*PLACE, run)
        assert ledger.last_full_pass(*PLACE) == clock.now()


def test_a_board_is_known_once_it_had_a_table(ledger):
    ledger.bind_tables({("7", "", ""): "planning", ("8", "people", ""): "links"})
    assert [ledger.knows_board(board) for board in ("7", "8", "9")] == [True, False, False]


def test_dirt_survives_a_process_that_is_killed(spawn, heard, ledger, path):
    """On disk when `mark_dirty` returns."""
    other = spawn("ledger.mark_dirty('db', 'monday', [Touched('5', '5', '50', 'x', 'u')]); say('done'); time.sleep(60)")
    assert heard(other) == "done"
    other.kill()
    other.wait()
    assert dirty(ledger) == ["5"]
    assert ledger.mark_dirty(*PLACE, [touched("5", "50", "u")]) == [False]


def test_a_board_may_be_dropped(ledger):
    ledger.mark_dirty(*PLACE, [touched("1"), touched("2")])
    ledger.drop_dirty(*PLACE, "1")
    assert dirty(ledger) == ["2"]
    assert ledger.dirty_items(*PLACE, "1") == []
