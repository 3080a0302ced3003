"""Very many boards go live in several commits, each of whole boards, and what was stopped in between is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from boardlift.clock import SystemClock
from boardlift.destinations.interface import Destination, Replace, StagedGroup, State, SwapOutcome
from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.promises import CAPABILITIES
from boardlift.errors import DependentObject
from boardlift.ledger import Ledger, Outcome, PromotionKind, RunKind
from boardlift.load.commits import Part, carry_out, divide
from boardlift.load.pace import Pace
from boardlift.load.promote import promote, settle
from boardlift.load.rollback import choose, roll_back
from boardlift.load.validate import ValidatedTables
from boardlift.shape.table import Table, TableGroup
from support.generations import PLANNING, staged

OTHER = Table("other", PLANNING.columns, PLANNING.key)
NARROW = Table("other", PLANNING.columns[:2], PLANNING.key)


def part(board: str, entering: int, leaving: int | None = None, way: Replace = Replace.SWAP) -> Part[str]:
    """A board with so many tables, as many of them live if nothing else is said."""
    live = entering if leaving is None else leaving
    names = [f"{board}{number}" for number in range(max(entering, live))]
    return Part(board, frozenset(names[:entering]), frozenset(names[:live]), way)


def divided(boards: list[Part[str]], ties: list[tuple[str, str]], most: float) -> list[list[str]]:
    return [[part.board for part in commit] for commit in divide(boards, ties, most)]


def test_what_fits_goes_in_one_commit() -> None:
    """Also when an engine knows no limit."""
    boards = [part("a", 4), part("b", 6)]
    assert divided(boards, [], 10) == divided(boards, [], 0) == [["a", "b"]]


def test_boards_are_not_taken_apart() -> None:
    """A board that is too large by itself has a commit of its own; the order stays."""
    boards = [part("a", 4), part("b", 6), part("c", 25), part("d", 1), part("e", 9), part("f", 1)]
    assert divided(boards, [], 10) == [["a", "b"], ["c"], ["d", "e"], ["f"]]


def test_what_nobody_waits_for_counts_little() -> None:
    """Ten new tables, or ten that are filled in place, count as one that is replaced."""
    boards = [part("a", 50, 0), part("b", 40, way=Replace.IN_PLACE), part("c", 2)]
    assert divided(boards, [], 10) == [["a", "b"], ["c"]]


def test_boards_that_pass_a_name_on_or_are_tied_stay_together() -> None:
    """One gives up the name that another takes; two have a foreign key between them."""
    giver = Part("a", frozenset({"new"}), frozenset({"old"}))
    taker = Part("d", frozenset({"old"}), frozenset({"elsewhere"}))
    boards = [giver, part("b", 1), part("c", 1), taker, part("e", 1)]
    assert divided(boards, [("b0", "e0"), ("b0", "not ours")], 2) == [["a", "d"], ["b", "e"], ["c"]]


ENOUGH = replace(CAPABILITIES, tables_in_one_commit=20)


def took(ms: float, commits: int = 1) -> SwapOutcome:
    return SwapOutcome(datetime(2026, 1, 1, tzinfo=UTC), 1, ms, commits)


@dataclass
class Kept:
    """What is kept about one server."""

    value: str = ""

    def recall(self, _key: str) -> str:
        return self.value

    def keep(self, _key: str, value: str) -> None:
        self.value = value


def test_a_slow_server_gets_smaller_commits_only_where_several_are_needed() -> None:
    """What surely fits has one commit on any server; a quick one gets larger commits, within bounds."""
    kept = Kept()
    pace = Pace(ENOUGH, kept)
    assert (pace.whole, pace.most) == (20, 20)
    pace.learn(20, took(600))
    assert (pace.whole, pace.most) == (20, 5)
    again = Pace(ENOUGH, kept)
    assert (again.whole, again.most) == (20, 5)
    for _ in range(12):
        again.learn(20, took(0.02))
    assert again.whole == again.most == 250


@pytest.mark.parametrize("text", ["", "quick", "0", "-3"])
def test_what_was_kept_of_a_server_is_no_fact(text: str) -> None:
    """Whoever edits the ledger stops no swap."""
    assert Pace(ENOUGH, Kept(text)).most == 20


def test_what_tells_nothing_of_tables_is_not_learnt() -> None:
    """A commit that nobody waited for, one of few tables, and an engine without a limit."""
    pace = Pace(ENOUGH)
    pace.learn(200, took(0.0))
    pace.learn(4, took(400))
    assert pace.most == 20
    without = Pace(replace(CAPABILITIES, tables_in_one_commit=0))
    without.learn(20, took(600))
    assert (without.whole, without.most) == (0, 0)


def test_commits_are_as_large_as_those_before_took_time(destination: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 24 boards of 5 tables: 20 tables in the first commit, which is slow, then 5, then more and more."""
    monkeypatch.setattr("boardlift.load.pace.MOST", 250)
    boards = [part(f"{number:02}x", 5) for number in range(24)]
    commits: list[int] = []

    def swap(some: Sequence[str]) -> SwapOutcome:
        commits.append(len(some))
        return took(30.0 * 5 * len(some) if len(commits) == 1 else 1.0 * 5 * len(some))

    outcome = carry_out(boards, destination, Pace(ENOUGH), swap)
    assert commits == [4, 1, 1, 3, 6, 9]
    assert outcome.commits == 6
    assert outcome.blocked_ms == 600


@pytest.fixture
def destination(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """Every board has a commit of its own there."""
    monkeypatch.setattr("boardlift.load.pace.MOST", 1)

    class Small(Postgres):
        capabilities = replace(CAPABILITIES, tables_in_one_commit=1)

    opened = Small(postgres_url, "monday")
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", SystemClock()) as opened:
        yield opened


def validated(group: StagedGroup) -> ValidatedTables:
    tables = tuple(ref.table for ref, _ in group.tables)
    return ValidatedTables(TableGroup(group.group, tables[0], tables[1:]), group, ())


def both(destination: Destination, number: int, other: Table = OTHER) -> list[ValidatedTables]:
    return [
        validated(staged(destination, number)),
        validated(staged(destination, number, table=other, group="2")),
    ]


def live(destination: Destination) -> dict[str, int]:
    return {one.group: one.number for one in destination.generations() if one.state is State.LIVE}


def run(ledger: Ledger, destination: Destination, kind: RunKind = RunKind.SYNC) -> str:
    return ledger.start_run(kind, destination.identity, "monday", "ada").id


def test_two_boards_go_live_and_back_in_two_commits(destination: Postgres, ledger: Ledger) -> None:
    """The first time nobody waits, so one commit will do; the outcome sums up the others."""
    first = promote(run(ledger, destination), both(destination, 1), destination, ledger).outcome
    again = promote(run(ledger, destination), both(destination, 2), destination, ledger).outcome
    assert first is not None
    assert again is not None
    assert (first.commits, first.blocked_ms) == (1, 0.0)
    assert (again.commits, again.attempts) == (2, 2)
    assert again.blocked_ms > 0
    assert live(destination) == {"1": 2, "2": 2}
    targets = choose(destination, ["1", "2"], 1)
    back = roll_back(run(ledger, destination, RunKind.ROLLBACK), targets, destination, ledger)
    assert back.commits == 2
    assert live(destination) == {"1": 1, "2": 1}


def test_two_boards_go_live_and_back_in_two_commits_in_mariadb(
    mariadb_url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in PostgreSQL: one commit while nobody can wait, then one for each board, each with its catalogue."""
    monkeypatch.setattr("boardlift.load.pace.MOST", 1)
    monkeypatch.setattr(MySQL, "capabilities", replace(MySQL.capabilities, tables_in_one_commit=1))
    there = MySQL(mariadb_url, "monday")
    there.prepare()
    outcomes = [promote(run(ledger, there), both(there, number), there, ledger).outcome for number in (1, 2)]
    assert [outcome and outcome.commits for outcome in outcomes] == [1, 2]
    assert [outcome and outcome.blocked_ms > 0 for outcome in outcomes] == [False, True]
    assert live(there) == {"1": 2, "2": 2}
    back = roll_back(run(ledger, there, RunKind.ROLLBACK), choose(there, ["1", "2"], 1), there, ledger)
    assert back.commits == 2
    assert live(there) == {"1": 1, "2": 1}
    assert there.query("SELECT DISTINCT name FROM monday.other")[1] == [("g1",)]
    assert there.drop_staged() == []
    there.close()


def test_a_foreign_key_between_boards_keeps_them_in_one_commit(
    destination: Postgres, ledger: Ledger, postgres_url: str
) -> None:
    """Between two commits it would not hold: the new rows of one refer to new rows of the other."""
    promote(run(ledger, destination), both(destination, 1), destination, ledger)
    with psycopg.connect(postgres_url, autocommit=True) as person:
        person.execute("ALTER TABLE monday.planning ADD FOREIGN KEY (item_id) REFERENCES monday.other (item_id)")
    more = [validated(staged(destination, 2, table=t, rows=5, group=g)) for g, t in (("1", PLANNING), ("2", OTHER))]
    done = promote(run(ledger, destination), more, destination, ledger).outcome
    assert done is not None
    assert done.commits == 1
    assert live(destination) == {"1": 2, "2": 2}


def test_a_failure_after_the_first_commit_says_what_is_live(
    destination: Postgres, ledger: Ledger, postgres_url: str
) -> None:
    """The first board is whole and new, the second whole and old; the error, the ledger and the next run say so."""
    promote(run(ledger, destination), both(destination, 1), destination, ledger)
    with psycopg.connect(postgres_url, autocommit=True) as person:
        person.execute("CREATE VIEW monday.theirs AS SELECT status FROM monday.other")
    run_id = run(ledger, destination)
    with pytest.raises(DependentObject) as caught:
        promote(run_id, both(destination, 2, NARROW), destination, ledger)
    assert caught.value.message.endswith(
        "Production was changed in part: 1 of 2 boards are live in their new generation, each whole."
    )
    assert "Production was not changed" not in caught.value.message
    assert live(destination) == {"1": 2, "2": 1}
    promotion = ledger.run(run_id).promotion
    assert promotion is not None
    assert (promotion.outcome, promotion.left) == (Outcome.PROMOTED, ("2",))
    assert settle(destination, ledger) == []


def test_a_run_that_died_between_two_commits_is_settled(destination: Postgres, ledger: Ledger) -> None:
    """The next run finds the intent open, asks the catalogue, and says how many boards are live."""
    promote(run(ledger, destination), both(destination, 1), destination, ledger)
    run_id = run(ledger, destination)
    tables = both(destination, 2)
    ledger.intend(run_id, PromotionKind.PROMOTE, [("1", 2), ("2", 2)])
    destination.promote(run_id, [tables[0].staged])
    (told,) = settle(destination, ledger)
    assert told.endswith("its swap had been committed for 1 of 2 boards.")
    assert ledger.open_promotions(destination.identity, "monday") == []
    promotion = ledger.run(run_id).promotion
    assert promotion is not None
    assert promotion.left == ("2",)
