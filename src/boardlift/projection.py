"""What a run will cost, before its first page: calls, points, minutes, and the share of the day's calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from boardlift.errors import UNCHANGED, DailyLimitReached
from boardlift.ledger import BoardCost
from boardlift.monday.bundle import bundles
from boardlift.monday.day import until_midnight
from boardlift.monday.queries import COUNTS_AT_ONCE, PAGE_LIMIT, item_points
from boardlift.monday.sharing import Prefer, manner_of
from boardlift.monday.standing import Snapshot
from boardlift.normalize.boards import BoardPlan

CALL_SECONDS = 0.3
ITEM_SECONDS = 0.004
"""What a call takes, and each item in it, until a run has measured it (recorded calls of 2025 and 2026)."""


@dataclass(frozen=True)
class BoardProjection:
    """The cost of one board. `measured` tells that the points are those of an earlier run, not 10 for each object;
    `manner` says how a large board will be read, and why."""

    board_id: str
    name: str
    items: int
    calls: int
    points: int
    seconds: float
    measured: bool
    manner: str = ""


@dataclass(frozen=True)
class Projection:
    """The cost of a run from here on. `calls` holds those that belong to no board too; `calls_day` is our part of the
    day's calls and `calls_left` what is left of it, None when the account's number is not known."""

    boards: tuple[BoardProjection, ...]
    calls: int
    points: int
    seconds: float
    calls_day: int | None
    calls_left: int | None

    @property
    def fits(self) -> bool:
        """Whether it can be done before 00:00 UTC."""
        return self.calls_left is None or self.calls <= self.calls_left

    def day_share(self, calls: int) -> float | None:
        """The part of the day's calls that these are."""
        return calls / self.calls_day if self.calls_day else None

    def __str__(self) -> str:
        share = self.day_share(self.calls)
        day = "" if share is None else f", {part(share)} of the {self.calls_day:,} calls of a day"
        return f"about {self.calls:,} calls, {self.points:,} points, {spoken(self.seconds)}{day}"


def project(
    plans: Sequence[BoardPlan],
    costs: Mapping[str, BoardCost],
    now: Snapshot,
    known: Mapping[str, tuple[int, int]],
    *,
    page_size: int,
    limit: int | None = None,
    prefer: Prefer = "auto",
) -> Projection:
    """What reading these boards will cost.

    `costs` are those of earlier runs, `known` calls and points of boards read by their changes, `limit` test mode's
    items per board, `prefer` what may be spent for speed.
    """
    boards = tuple(
        _known(plan, now, *known[plan.key])
        if plan.key in known
        else _board(plan, costs.get(plan.key), now, page_size, limit, prefer)
        for plan in plans
    )
    calls = sum(board.calls for board in boards) - _shared([p for p in plans if p.key not in known], limit)
    points = sum(board.points for board in boards)
    by_calls = sum(board.calls * _call_seconds(board, now) for board in boards) / now.usable
    return Projection(
        boards=boards,
        calls=calls + -(-len(boards) // COUNTS_AT_ONCE),
        points=points,
        seconds=max(60.0 * points / now.points_minute, by_calls),
        calls_day=now.calls_day,
        calls_left=now.calls_left_today,
    )


def points_per_item(plan: BoardPlan, cost: BoardCost | None) -> tuple[float, bool]:
    """What an item of the board costs, and whether that was measured: by a run that read all of its items."""
    if cost is not None and cost.rows and cost.calls * PAGE_LIMIT >= cost.rows:
        return cost.points / cost.rows, True
    return float(item_points(plan.selection)), False


def fitting(projection: Projection, oldest_first: Sequence[str]) -> tuple[list[str], list[str]]:
    """The boards whose calls are left today, and those left out, by id; in `oldest_first` they take their turn."""
    by_id = {board.board_id: board for board in projection.boards}
    left = projection.calls_left
    chosen: list[str] = []
    for board_id in oldest_first:
        if left is None or _calls_of([*chosen, board_id], by_id) <= left:
            chosen.append(board_id)
    return chosen, [board_id for board_id in by_id if board_id not in chosen]


def too_much(projection: Projection, now: datetime) -> DailyLimitReached:
    """The refusal of a run that does not fit into today."""
    largest = max(projection.boards, key=lambda board: board.calls)
    return DailyLimitReached(
        f"This run takes about {projection.calls:,} calls, and {projection.calls_left:,} of the "
        f"{projection.calls_day:,} calls of today are left. The largest board is {largest.board_id} "
        f"({largest.name!r}) with {largest.calls:,}. {UNCHANGED}",
        hint="name fewer boards; set a larger `page_size` in boardlift.yaml; `boardlift sync --fit` takes the boards "
        f"that fit today; or run it after 00:00 UTC, in {until_midnight(now)}",
    )


def spoken(seconds: float) -> str:
    """A projected time for people: `under a minute`, `12 minutes`, `2.5 hours`."""
    if seconds < 60:
        return "under a minute"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def part(share: float) -> str:
    """A part of the day's calls for people: `2.4%`."""
    return f"{share:.1%}" if share >= 0.001 else "under 0.1%"


def _board(
    plan: BoardPlan, cost: BoardCost | None, now: Snapshot, page_size: int, limit: int | None, prefer: Prefer
) -> BoardProjection:
    items = plan.board.items_count or 0
    items = items if limit is None else min(items, limit)
    each, measured = points_per_item(plan, cost)
    calls, points = max(1, -(-items // page_size)), round(each * items)
    board = BoardProjection(plan.key, plan.board.name, items, calls, points, 0.0, measured)
    each_call = _call_seconds(board, now)
    seconds = max(60.0 * points / now.points_minute, calls * each_call / now.usable)
    manner = manner_of(prefer, calls, each_call, now.usable) if limit is None else ""
    return replace(board, seconds=seconds, manner=manner)


def _shared(plans: Sequence[BoardPlan], limit: int | None) -> int:
    """How many calls are saved by asking for small boards together."""
    together = bundles([(plan.board, plan.selection) for plan in plans], limit=limit)
    return sum(len(bundle) - 1 for bundle in together)


def _known(plan: BoardPlan, now: Snapshot, calls: int, points: int) -> BoardProjection:
    each = now.seconds_per_call or CALL_SECONDS
    seconds = max(60.0 * points / now.points_minute, calls * each / now.usable)
    return BoardProjection(plan.key, plan.board.name, plan.board.items_count or 0, calls, points, seconds, True)


def _call_seconds(board: BoardProjection, now: Snapshot) -> float:
    return now.seconds_per_call or CALL_SECONDS + ITEM_SECONDS * board.items / max(1, board.calls)


def _calls_of(chosen: Sequence[str], boards: Mapping[str, BoardProjection]) -> int:
    return sum(boards[board_id].calls for board_id in chosen) + -(-len(chosen) // COUNTS_AT_ONCE)
