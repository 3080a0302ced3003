"""The whole forward path, in one file:

    Page -> Window (sealed in the spool) -> Rows -> StagedTables -> ValidatedTables -> PromotedTables -> run record

Each arrow is one function whose parameter is the previous type, so mypy refuses a wrong order. Boards are read in
threads; what is sealed is loaded here, while the next pages are in flight. Nothing is live before everything passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from boardlift.clock import Clock
from boardlift.destinations.interface import Destination, Generation, State
from boardlift.errors import (
    UNCHANGED,
    CheckFailed,
    CheckResult,
    DependentObject,
    PromotionConflict,
    SourceIncomplete,
    Transient,
)
from boardlift.ledger import BoardRecord, Ledger
from boardlift.load.checks.interface import Expectation
from boardlift.load.promote import PromotedTables, promote
from boardlift.load.stage import Staging, open_stagings
from boardlift.load.validate import ValidatedTables, measure, validate
from boardlift.loading import Loader
from boardlift.monday.boards import read_counts
from boardlift.monday.client import MondayClient
from boardlift.monday.dialect import Dialect
from boardlift.monday.events import BoardRead
from boardlift.monday.model import BoardCount
from boardlift.monday.parallel import Begun, Manner, read_in_parallel
from boardlift.monday.sharing import quantiles
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.items import Normalizer, open_engine
from boardlift.normalize.many import ManyBoards
from boardlift.progress import Progress
from boardlift.spool.run import SpoolRun


class BoardMoved(SourceIncomplete, Transient):
    """A column that is being read was deleted or changed its type meanwhile; a new plan is needed."""


@dataclass(frozen=True)
class Parts:
    """What a run is made of; put together in `app`."""

    client: MondayClient
    destination: Destination
    ledger: Ledger
    spool: SpoolRun
    clock: Clock
    progress: Progress
    dialect: Dialect = field(default_factory=Dialect)


@dataclass(frozen=True)
class Options:
    """How a run is done. `manner` how boards are read; `overrides` maps a check to a reason."""

    manner: Manner = field(default_factory=Manner)
    max_shrink: float = 0.2
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BoardResult:
    """One board of a finished run."""

    plan: BoardPlan
    record: BoardRecord


def sync(
    run_id: str, plans: Sequence[BoardPlan], parts: Parts, options: Options
) -> tuple[PromotedTables, list[BoardResult]]:
    """Bring these boards to the destination and make them live in one commit. On any failure nothing is live."""
    live = {g.group: g for g in parts.destination.generations() if g.state is State.LIVE}
    stagings = _open_stagings(plans, parts.destination)
    finished: dict[str, tuple[BoardRead, float]] = {}
    started = {plan.key: parts.clock.monotonic() for plan in plans}
    parts.progress.phase("reading", f"{len(plans)} boards")
    reading = read_in_parallel(
        parts.client,
        [(plan.board, plan.selection) for plan in plans],
        parts.spool,
        manner=replace(options.manner, quantiles=known_quantiles([plan.key for plan in plans], parts.ledger)),
        progress=parts.progress,
        dialect=parts.dialect,
    )
    with _loader(plans, stagings, parts) as loader, reading as events:
        for event in events:
            if isinstance(event, Begun):
                started[event.board_id] = parts.clock.monotonic()
                continue
            loader.take(event)
            if isinstance(event, BoardRead):
                _keep_quantiles(event.board_id, parts)
                finished[event.board_id] = (event, parts.clock.monotonic() - started[event.board_id])
        loader.finish()
    counts = _counts_after(plans, parts.client)
    parts.progress.phase("validating", f"{len(plans)} boards")
    reads = {key: read for key, (read, _) in finished.items()}
    validated = _validate(run_id, plans, stagings, reads, counts, live, parts, options)
    parts.progress.phase("promoting", f"{sum(len(plan.group.tables) for plan in plans)} tables in one commit")
    promoted = promote(run_id, validated, parts.destination, parts.ledger)
    with parts.ledger.together():
        return promoted, [
            _record(run_id, plan, tables, *finished[plan.key], loader.quarantined(plan.key), parts)
            for plan, tables in zip(plans, promoted.tables, strict=True)
        ]


_QUANTILES = "creation quantiles"


def known_quantiles(board_ids: Iterable[str], ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """How the items of these boards were spread over time when they were read last."""
    known = {board_id: ledger.recall(f"board {board_id}", _QUANTILES) for board_id in board_ids}
    return {board_id: tuple(text.split()) for board_id, text in known.items() if text}


def _keep_quantiles(board_id: str, parts: Parts) -> None:
    if marks := quantiles(parts.spool.windows(board_id)):
        parts.ledger.keep(f"board {board_id}", _QUANTILES, " ".join(marks))


def _open_stagings(plans: Sequence[BoardPlan], destination: Destination) -> dict[str, Staging]:
    """An empty staged generation for each board. Refused before the first item is read when something is in the way."""
    names = [table.name for plan in plans for table in plan.group.tables]
    if taken := destination.foreign_tables(names):
        raise PromotionConflict(
            f"{destination.namespace}.{taken[0]} exists in {destination.identity} and was not made by boardlift"
            f"{f' (nor were {len(taken) - 1} others)' if len(taken) > 1 else ''}. {UNCHANGED}",
            hint="set another `table:` for the board or another `namespace:` in boardlift.yaml, or remove that table",
        )
    _refuse_obstacles(plans, destination)
    known: dict[str, int] = {}
    for generation in destination.generations():
        known[generation.group] = max(known.get(generation.group, 0), generation.number)
    return open_stagings(destination, [(plan.group, known.get(plan.key, 0) + 1, plan.replace) for plan in plans])


def _refuse_obstacles(plans: Sequence[BoardPlan], destination: Destination) -> None:
    """Raise DependentObject with every object that the new tables would lose or break, by board."""
    foreseen = destination.replacements_all([(plan.key, plan.group.tables, plan.replace) for plan in plans])
    found = [
        f"board {plan.key} ({plan.board.name!r}), table {replacement.table}: {obstacle}"
        for plan, replacements in zip(plans, foreseen, strict=True)
        for replacement in replacements
        for obstacle in replacement.obstacles
    ]
    if found:
        raise DependentObject(
            f"The new tables cannot go live: {'; '.join(found)}. {UNCHANGED}",
            hint="do what is said there, then run the same command again; `boardlift plan` shows what remains",
        )


@contextmanager
def _loader(plans: Sequence[BoardPlan], stagings: Mapping[str, Staging], parts: Parts) -> Iterator[Loader]:
    engine = open_engine(parts.spool.folder / "scratch")
    try:
        normalizers = {plan.key: Normalizer(plan, engine) for plan in plans}
        yield Loader(plans, stagings, normalizers, ManyBoards(engine, normalizers), parts.destination)
    finally:
        engine.close()


def _counts_after(plans: Sequence[BoardPlan], client: MondayClient) -> dict[str, BoardCount]:
    """What monday counts now. Raises BoardMoved when a board lost or retyped a column that was being read."""
    counts = {count.id: count for count in read_counts(client, [plan.key for plan in plans])}
    for plan in plans:
        now = {head.id: head.type for head in counts[plan.key].column_heads} if plan.key in counts else None
        if now is None:
            raise SourceIncomplete(
                f"Board {plan.key} ({plan.board.name!r}) disappeared while it was read. {UNCHANGED}",
                hint="`boardlift boards` lists what the token can read now",
            )
        moved = [column.source for column in plan.columns if now.get(column.source.id) != column.source.type]
        if moved:
            raise BoardMoved(
                f"Board {plan.key} ({plan.board.name!r}) changed its column {moved[0].id} ({moved[0].title!r}) "
                f"while it was read. {UNCHANGED}",
                hint=f"run `boardlift sync {plan.key}` again when the board is at rest",
            )
    return counts


def _validate(
    run_id: str,
    plans: Sequence[BoardPlan],
    stagings: Mapping[str, Staging],
    reads: Mapping[str, BoardRead],
    counts: Mapping[str, BoardCount],
    live: Mapping[str, Generation],
    parts: Parts,
    options: Options,
) -> list[ValidatedTables]:
    """Send every board through the gate; the results, also those of a refusal, go to the ledger."""
    staged = [stagings[plan.key].seal() for plan in plans]
    facts = measure(staged, parts.destination)
    validated: list[ValidatedTables] = []
    results: list[tuple[str, Sequence[CheckResult]]] = []
    try:
        for plan, tables in zip(plans, staged, strict=True):
            validated.append(
                validate(
                    tables,
                    facts,
                    _expectation(plan, reads[plan.key], counts[plan.key].items_count, options.manner.limit),
                    live_rows=live[plan.key].rows if plan.key in live else None,
                    max_shrink=options.max_shrink,
                    overrides=options.overrides,
                )
            )
            results.append((plan.key, validated[-1].results))
    except CheckFailed as error:
        results.append((plan.key, error.results))
        raise
    finally:
        with parts.ledger.together():
            for board_id, found in results:
                parts.ledger.record_checks(run_id, board_id, found)
    return validated


def _expectation(plan: BoardPlan, read: BoardRead, after: int | None, limit: int | None) -> Expectation:
    """The range between the count before and the count after; people work while we read."""
    before = plan.board.items_count
    known = [count for count in (before, after) if count is not None]
    if not known:
        return Expectation(read.items, read.items, read.items, note="monday gave no count")
    least, most = min(known), max(known)
    if plan.board.is_multi_level:
        return Expectation(
            least, max(most, read.items), read.items, note="a multi-level board: the top level is counted"
        )
    if limit is not None:
        return Expectation(min(least, limit), min(most, limit), read.items, note=f"test mode reads {limit}")
    return Expectation(least, most, read.items)


def _record(
    run_id: str,
    plan: BoardPlan,
    tables: ValidatedTables,
    read: BoardRead,
    seconds: float,
    quarantined: int,
    parts: Parts,
) -> BoardResult:
    record = BoardRecord(
        board_id=plan.key,
        board_name=plan.board.name,
        table=plan.table,
        rows=read.items,
        columns=len(plan.group.main.columns),
        generation=tables.staged.generation,
        seconds=seconds,
        calls=read.calls,
        points=read.points,
        bytes=read.nbytes,
        retries=read.retries,
        quarantined=quarantined,
    )
    parts.ledger.record_board(run_id, record)
    return BoardResult(plan, record)
