"""From the configuration and the account to the boards of a run, each with its plan."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed

import msgspec

from boardlift.destinations.interface import Replace
from boardlift.errors import NotConfigured, PermissionMissing
from boardlift.ledger import Ledger
from boardlift.monday.boards import list_boards, read_boards
from boardlift.monday.client import MondayClient
from boardlift.monday.model import Board, BoardSummary
from boardlift.monday.wire import Answer
from boardlift.normalize.boards import BoardPlan, plan_board
from boardlift.normalize.names import TableNames
from boardlift.normalize.tombstones import with_tombstones
from boardlift.settings import BoardSettings, Settings

_LIFTABLE = ("board", "custom_object", "")
"""`type` of boards that hold items of their own; documents and dashboards are boards too (API page "Boards")."""


@dataclass(frozen=True)
class Planned:
    """The boards of a run, in the order of the list, and the table names that were given to them for the first time."""

    boards: tuple[BoardPlan, ...]
    tables: TableNames


def plan_boards(
    client: MondayClient,
    settings: Settings,
    ledger: Ledger,
    wanted: Sequence[str] = (),
    *,
    listed: Answer | None = None,
) -> Planned:
    """Find the boards, read their shapes, decide their tables. Writes nothing.

    in: `wanted` narrows the configured boards to these ids, names (patterns allowed) or table names; `listed` is an
    answer that holds the first page of the list of boards.
    raised: NotConfigured when nothing is left, PermissionMissing when a board that is named by id cannot be read.
    """
    chosen = _choose(list_boards(client, listed), settings.boards)
    tables = TableNames(ledger.bound_tables())
    chosen = [(b, s) for b, s in chosen if not wanted or _is_wanted(b, s, wanted, tables)]
    if not chosen:
        raise _nothing_chosen(settings, wanted)
    shapes = {board.id: board for board in read_boards(client, [summary.id for summary, _ in chosen])}
    for board in shapes.values():
        if board.state == "deleted":
            raise PermissionMissing(
                f"Board {board.id} ({board.name!r}) was deleted on monday.com.",
                hint="restore it there within 30 days, or take it out of boardlift.yaml; its tables stay as they are",
            )
    pairs = [(shapes[summary.id], said) for summary, said in chosen]
    parents = {i: said for board, said in pairs if said.subitems for i in _subitem_ids(board)}
    pairs += [
        (board, _for_subitems(board, settings.boards, parents[board.id])) for board in _subitem_boards(client, pairs)
    ]
    plans = [
        changed(
            plan_board(board, said, settings.defaults.types, ledger.bound_columns(board.id), tables),
            replace=Replace(said.replace or settings.defaults.replace),
        )
        for board, said in pairs
    ]
    modes = [said.mode or settings.defaults.mode for _, said in pairs]
    return Planned(
        tuple(
            with_tombstones(plan, tables) if mode == "incremental" else plan
            for plan, mode in zip(plans, modes, strict=True)
        ),
        tables,
    )


def remember(planned: Planned, ledger: Ledger) -> None:
    """Bind all names given for the first time, and note the titles, before the first row is staged under them.

    All or nothing: an error leaves the ledger as it was.
    """
    with ledger.together():
        _remember_tables(planned, ledger)
        for plan in planned.boards:
            _remember_columns(plan, ledger)


def _remember_tables(planned: Planned, ledger: Ledger) -> None:
    overridden = {key: name for key, name in planned.tables.fresh.items() if key in planned.tables.bound}
    if overridden:
        ledger.rebind_tables(overridden, reason="boardlift.yaml names the table")
    ledger.bind_tables({key: name for key, name in planned.tables.fresh.items() if key not in overridden})


def _remember_columns(plan: BoardPlan, ledger: Ledger) -> None:
    if plan.fresh_names:
        bound = ledger.bound_columns(plan.key)
        changed = {key: name for key, name in plan.fresh_names.items() if key in bound}
        if changed:
            ledger.rebind_columns(plan.key, changed, reason="boardlift.yaml names the column")
        ledger.bind_columns(plan.key, {key: name for key, name in plan.fresh_names.items() if key not in changed})
    titles = {column.id: column.title for column in plan.board.columns}
    ledger.record_labels(plan.key, {"": plan.board.name, **titles})


def replace_of(settings: Settings, board_id: str, title: str) -> Replace:
    """How a board is replaced by what boardlift.yaml says, for whoever knows no more of it than its id and title."""
    summary = BoardSummary(id=board_id, name=title)
    chosen = [said for found, said in _choose([summary], settings.boards) if found.id == board_id]
    return Replace((chosen[0].replace if chosen else None) or settings.defaults.replace)


def _choose(
    summaries: Iterable[BoardSummary], configured: Sequence[BoardSettings]
) -> list[tuple[BoardSummary, BoardSettings]]:
    """Each board with the first settings that speak of it: those by id before those by name."""
    by_id = {str(said.id): said for said in configured if said.id is not None}
    patterns = [said for said in configured if said.match]
    chosen: list[tuple[BoardSummary, BoardSettings]] = []
    listed: set[str] = set()
    for summary in summaries:
        said = by_id.get(summary.id)
        if said is None and summary.type in _LIFTABLE:
            said = next((each for each in patterns if _fits(summary.name, each.match)), None)
        if said is not None:
            listed.add(summary.id)
            chosen.append((summary, said))
    missing = [board_id for board_id in by_id if board_id not in listed]
    # A board named by id may be archived, or of a kind the list leaves out; asking for it by id settles that.
    chosen += [(BoardSummary(id=board_id), by_id[board_id]) for board_id in missing]
    return chosen


def _fits(name: str, pattern: str) -> bool:
    """A title fits itself as well, whatever brackets and stars are in it."""
    name, pattern = name.casefold(), pattern.casefold()
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def _is_wanted(board: BoardSummary, said: BoardSettings, wanted: Sequence[str], tables: TableNames) -> bool:
    names = {board.id, said.table, tables.bound.get((board.id, "", ""), "")}
    return any(each in names or (board.name and _fits(board.name, each)) for each in wanted)


def _subitem_boards(client: MondayClient, pairs: Sequence[tuple[Board, BoardSettings]]) -> list[Board]:
    """The hidden boards that hold the subitems of these; one that may not be read is an error like any other."""
    have = {board.id for board, _ in pairs}
    ids = list(dict.fromkeys(i for board, said in pairs if said.subitems for i in _subitem_ids(board) if i not in have))
    return list(read_boards(client, ids)) if ids else []


def _subitem_ids(board: Board) -> Iterator[str]:
    """`boardIds` in the settings of a `subtasks` column (API page "Subitems")."""
    for column in board.columns:
        if column.type == "subtasks":
            boards = column.settings.get("boardIds")
            if not isinstance(boards, list):
                boards = column.settings.get("board_ids")
            for each in boards if isinstance(boards, list) else []:
                yield str(each)


def _for_subitems(board: Board, configured: Sequence[BoardSettings], parent: BoardSettings) -> BoardSettings:
    own = next((said for said in configured if said.id is not None and str(said.id) == board.id), BoardSettings())
    return msgspec.structs.replace(own, replace=own.replace or parent.replace, mode=own.mode or parent.mode)


def _nothing_chosen(settings: Settings, wanted: Sequence[str]) -> NotConfigured | PermissionMissing:
    if wanted:
        return NotConfigured(
            f"No configured board is called {', '.join(repr(each) for each in wanted)}.",
            hint="`boardlift boards` lists ids, names and tables; a board must also be in boardlift.yaml",
        )
    return PermissionMissing(
        f"The token's user sees none of the boards in boardlift.yaml ({len(settings.boards)} entries).",
        hint="`boardlift boards` lists what the token can read; share the boards with its user",
    )
