"""The changed items of a board, read in slices by when they were made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from boardlift.errors import QueryRejected
from boardlift.monday.client import MondayClient
from boardlift.monday.delta import Delta, TooManyChanged, read_delta
from boardlift.monday.dialect import FORMS, FilterIgnored
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.monday.slices import NotSliced, Slice, sliced
from boardlift.monday.span import OPEN, iso
from boardlift.monday.threads import beside, merged
from boardlift.progress import Silent
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.spool.run import SpoolRun

ITEMS = 600
CHANGED = range(0, ITEMS, 4)
FORM = FORMS[0]


class Office:
    """A board of which a quarter has changed; what monday does to questions about it is in the options."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.account = Account.many(boards=1, items=ITEMS, columns=0)
        self.board = self.account.boards[0]
        self.account.builder.columns(self.board, "status")
        self.sandbox = Sandbox(self.account, SandboxOptions(**options))  # type: ignore[arg-type]
        self.spool = SpoolRun.open(folder, "run")
        self.begun = datetime.fromtimestamp(int(self.account.now()), UTC)
        self.changed = [self.board.item_id(place) for place in CHANGED]
        for item in self.changed:
            self.account.rename_item(item, "changed")
        self.made = [iso(int(self.board.created(place))) for place in CHANGED]

    def read(self, slices: Sequence[Slice], most: int = ITEMS, expected: int = len(CHANGED)) -> Delta:
        with MondayClient(self.sandbox.url, self.sandbox.token, retries=0) as client:
            return read_delta(
                *(client, BoardSummary(id=str(self.board.id), name="B"), Selection(("status",)), self.spool),
                since=self.begun - timedelta(minutes=5),
                begun=self.begun + timedelta(minutes=5),
                expected=expected,
                most=most,
                page_size=50,
                progress=Silent(),
                slices=slices,
            )

    def calls(self) -> int:
        return int(str(self.sandbox.stats()["calls"]))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    with made.sandbox:
        yield made


def test_slices_give_what_one_chain_gives(office: Office) -> None:
    """Each item once, and no more calls than there are slices, when the hints were right."""
    slices = sliced(FORM, office.made, 0, 4)
    assert len(slices) == 4
    assert (slices[0].since, slices[-1].until) == (OPEN, OPEN)
    assert [before.until for before in slices[:-1]] == [after.since for after in slices[1:]]
    found = office.read(slices)
    assert office.calls() == 4
    assert found.items == office.read(()).items
    assert found.items.keys() == set(office.changed)
    assert sum(window.items for window in found.windows) == len(office.changed)


@pytest.mark.parametrize("known", [1, 20, 100])
def test_hints_that_know_of_some_changes_only(office: Office, known: int) -> None:
    """A page that turns out too small is followed by full ones: the hints decide how many calls, and nothing else."""
    slices = [Slice(2, OPEN, office.made[known], FORM), Slice(3, office.made[known], OPEN, FORM)]
    assert office.read(slices).items.keys() == set(office.changed)
    assert office.read([Slice(1)]).items.keys() == set(office.changed)


@pytest.mark.parametrize("seconds", [-45, 45])
def test_a_filter_that_is_off_by_a_little(tmp_path: Path, seconds: int) -> None:
    """Too narrow or too wide by less than a minute: each item comes, and counts once."""
    office = Office(tmp_path, filter_margin_seconds=seconds)
    with office.sandbox:
        found = office.read(sliced(FORM, office.made, 0, 3))
    assert found.items.keys() == set(office.changed)
    assert sum(window.items for window in found.windows) == len(office.changed)


def test_a_filter_that_does_not_filter(tmp_path: Path) -> None:
    """It gives the whole board to each slice, which is noticed."""
    office = Office(tmp_path, filters_ignored=True)
    with office.sandbox, pytest.raises(FilterIgnored):
        office.read(sliced(FORM, office.made, 0, 3))


def test_a_filter_that_is_refused(tmp_path: Path) -> None:
    """Whoever asked is told, and asks otherwise."""
    office = Office(tmp_path, filter_forms=frozenset())
    with office.sandbox, pytest.raises(QueryRejected):
        office.read(sliced(FORM, office.made, 0, 3))


def test_a_filter_that_lets_too_little_through(tmp_path: Path) -> None:
    """A range that ends before an old item, with fewer than are known to have changed in it, proves nothing."""
    office = Office(tmp_path, filter_margin_seconds=-10 * 365 * 86_400)
    with office.sandbox, pytest.raises(NotSliced):
        office.read(sliced(FORM, office.made, 0, 3))


def test_more_changes_than_are_worth_it(office: Office) -> None:
    """The slices are counted together."""
    slices = [Slice(20, part.since, part.until, FORM) for part in sliced(FORM, office.made, 0, 3)]
    with pytest.raises(TooManyChanged):
        office.read(slices, most=len(office.changed) - 1, expected=60)
    assert office.read(slices, most=len(office.changed), expected=60).items.keys() == set(office.changed)


def test_items_that_were_made_at_once_are_not_sliced() -> None:
    """An import gives hundreds of items one time, and every slice would have all of them."""
    at = ["2026-01-01T00:00:00Z"] * 500
    assert sliced(FORM, at, 0, 3) == []
    assert sliced(FORM, ["2026-02-01T00:00:00Z", *at], 600, 3) == []
    assert sliced(FORM, [], 10, 3) == []


def test_several_sources_are_merged() -> None:
    """All that they give comes, in their own order; the first error ends it."""
    found = list(merged([iter(range(0, 50)), iter(range(100, 120)), iter(())]))
    assert sorted(found) == [*range(50), *range(100, 120)]
    assert [each for each in found if each < 100] == list(range(50))

    def fails() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(merged([iter(range(5)), fails()]))


def test_a_task_beside() -> None:
    """Its result, or its error, comes where it is asked for."""
    assert beside(lambda: 3)() == 3
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0)()
