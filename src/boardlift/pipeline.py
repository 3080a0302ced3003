"""The whole forward path, in one file:

    Page -> Window (sealed in the spool) -> Rows -> StagedTables -> ValidatedTables -> PromotedTables -> run record

Each arrow is one function whose parameter is the previous type, so mypy refuses a wrong order. Boards are read in
threads; what is sealed is loaded here, while the next pages are in flight. Nothing is live before everything passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from boardlift.clock import Clock
from boardlift.destinations.interface import Destination, Generation, State
from boardlift.errors import (
    UNCHANGED,
    BoardliftError,
    DependentObject,
    PromotionConflict,
    SourceIncomplete,
    Transient,
)
from boardlift.incremental.decide import Policy
from boardlift.incremental.marks import marks_of
from boardlift.incremental.stage import Difference, stage_changes, stage_tombstones
from boardlift.incremental.survey import Survey, everything, survey
from boardlift.incremental.tools import Tools
from boardlift.ledger import BoardRecord, Ledger, ReadAs
from boardlift.load.checks.interface import Expectation
from boardlift.load.promote import PromotedTables, promote
from boardlift.load.stage import StagedTables, Staging
from boardlift.load.validate import ValidatedTables, validate
from boardlift.monday.boards import read_counts
from boardlift.monday.client import MondayClient
from boardlift.monday.model import BoardCount
from boardlift.monday.parallel import Begun, Sealed, read_in_parallel
from boardlift.monday.windows import BoardRead, Restarted
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.items import Normalizer, open_engine
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


@dataclass(frozen=True)
class Options:
    """How a run is done. `limit` is test mode's number of items per board; `overrides` maps a check to a reason."""

    limit: int | None = None
    page_size: int = 500
    parallel_boards: int = 4
    max_shrink: float = 0.2
    policy: Policy = field(default_factory=Policy)
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """A board whose rows are staged: how many, how many values were set aside, how long it took, what is new in it.

    `counts` is what monday counted on the way, beside before and after.
    """

    items: int
    quarantined: int
    seconds: float
    difference: Difference = field(default_factory=Difference)
    counts: Sequence[int] = ()


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
    _refuse_taken(plans, parts.destination)
    tools = Tools(
        parts.client,
        parts.destination,
        parts.spool,
        parts.clock,
        parts.progress,
        page_size=options.page_size,
        parallel=options.parallel_boards,
    )
    found = _surveyed(plans, live, parts, tools, options)
    staging = [plan for plan in plans if plan.key not in found.unchanged]
    stagings = _open_stagings(staging, parts.destination)
    finished: dict[str, Finished] = {}
    with _normalizers(staging, parts) as normalizers:
        _read_all([plan for plan in plans if plan.key in found.full], parts, options, stagings, normalizers, finished)
        for plan in staging:
            _stage_difference(plan, live.get(plan.key), found, tools, stagings, normalizers, finished)
    counts = _counts_after(staging, parts.client) if staging else {}
    parts.progress.phase("validating", f"{len(staging)} boards")
    validated: list[ValidatedTables] = []
    for plan in staging:
        staged = stagings[plan.key].seal()
        validated.append(
            _validate(run_id, plan, staged, finished[plan.key], counts, live.get(plan.key), parts, options)
        )
    parts.progress.phase("promoting", f"{sum(len(plan.group.tables) for plan in staging)} tables in one commit")
    promoted = promote(run_id, validated, parts.destination, parts.ledger) if validated else PromotedTables((), None)
    generations = {key: generation.number for key, generation in live.items()}
    generations |= {tables.staged.group: tables.staged.generation for tables in promoted.tables}
    marks = marks_of(run_id, plans, generations, found, tools, options.policy)
    parts.ledger.set_watermarks(parts.destination.identity, parts.destination.namespace, marks)
    return promoted, [
        _record(run_id, plan, generations[plan.key], finished.get(plan.key), found, parts) for plan in plans
    ]


def _surveyed(
    plans: Sequence[BoardPlan], live: Mapping[str, Generation], parts: Parts, tools: Tools, options: Options
) -> Survey:
    if options.limit is not None or not any(plan.incremental for plan in plans):
        return everything(plans)
    marks = parts.ledger.watermarks(parts.destination.identity, parts.destination.namespace)
    return survey(plans, live, marks, tools, options.policy)


def _read_all(
    plans: Sequence[BoardPlan],
    parts: Parts,
    options: Options,
    stagings: Mapping[str, Staging],
    normalizers: Mapping[str, Normalizer],
    finished: dict[str, Finished],
) -> None:
    """Read whole boards and stage their rows as they come."""
    if not plans:
        return
    started = {plan.key: parts.clock.monotonic() for plan in plans}
    parts.progress.phase("reading", f"{len(plans)} boards")
    reading = read_in_parallel(
        parts.client,
        [(plan.board, plan.selection) for plan in plans],
        parts.spool,
        parallel=options.parallel_boards,
        limit=options.limit,
        page_size=options.page_size,
        progress=parts.progress,
    )
    with reading as events:
        for event in events:
            staging, normalizer = stagings[event.board_id], normalizers[event.board_id]
            match event:
                case Begun():
                    started[event.board_id] = parts.clock.monotonic()
                case Sealed():
                    for rows in normalizer.rows(*event.windows):
                        staging.append(rows.table, rows.stream)
                case Restarted():
                    staging.restart()
                    normalizer.reset()
                case BoardRead():
                    for rows in normalizer.finish():
                        staging.append(rows.table, rows.stream)
                    seconds = parts.clock.monotonic() - started[event.board_id]
                    finished[event.board_id] = Finished(event.items, normalizer.quarantined, seconds)


def _stage_difference(
    plan: BoardPlan,
    live: Generation | None,
    found: Survey,
    tools: Tools,
    stagings: Mapping[str, Staging],
    normalizers: Mapping[str, Normalizer],
    finished: dict[str, Finished],
) -> None:
    """Of an incremental board: the rows that come of its changes, or what a full read of it finds to have gone."""
    started = tools.clock.monotonic()
    staging, normalizer = stagings[plan.key], normalizers[plan.key]
    if changes := found.changed.get(plan.key):
        difference = stage_changes(changes, staging, normalizer, tools.clock.now())
        finished[plan.key] = Finished(changes.expected, normalizer.quarantined, 0.0, difference, changes.counts)
    elif plan.incremental and found.begun is not None:
        windows = tools.spool.windows(plan.key)
        difference = stage_tombstones(tools, plan, live, windows, staging, normalizer)
        finished[plan.key] = replace(finished[plan.key], difference=difference)
    seconds = finished[plan.key].seconds + tools.clock.monotonic() - started
    finished[plan.key] = replace(finished[plan.key], seconds=seconds)


def _refuse_taken(plans: Sequence[BoardPlan], destination: Destination) -> None:
    """Refused before the first item is read when something is in the way."""
    names = [table.name for plan in plans for table in plan.group.tables]
    if taken := destination.foreign_tables(names):
        raise PromotionConflict(
            f"{destination.namespace}.{taken[0]} exists in {destination.identity} and was not made by boardlift"
            f"{f' (nor were {len(taken) - 1} others)' if len(taken) > 1 else ''}. {UNCHANGED}",
            hint="set another `table:` for the board or another `namespace:` in boardlift.yaml, or remove that table",
        )
    _refuse_obstacles(plans, destination)


def _open_stagings(plans: Sequence[BoardPlan], destination: Destination) -> dict[str, Staging]:
    """An empty staged generation for each board."""
    known: dict[str, int] = {}
    for generation in destination.generations():
        known[generation.group] = max(known.get(generation.group, 0), generation.number)
    return {plan.key: Staging(destination, plan.group, known.get(plan.key, 0) + 1, plan.replace) for plan in plans}


def _refuse_obstacles(plans: Sequence[BoardPlan], destination: Destination) -> None:
    """Raise DependentObject with every object that the new tables would lose or break, by board."""
    found = [
        f"board {plan.key} ({plan.board.name!r}), table {replacement.table}: {obstacle}"
        for plan in plans
        for replacement in destination.replacements(plan.key, plan.group.tables, plan.replace)
        for obstacle in replacement.obstacles
    ]
    if found:
        raise DependentObject(
            f"The new tables cannot go live: {'; '.join(found)}. {UNCHANGED}",
            hint="do what is said there, then run the same command again; `boardlift plan` shows what remains",
        )


@contextmanager
def _normalizers(plans: Sequence[BoardPlan], parts: Parts) -> Iterator[dict[str, Normalizer]]:
    engine = open_engine(parts.spool.folder / "scratch")
    try:
        yield {plan.key: Normalizer(plan, engine.cursor()) for plan in plans}
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
    plan: BoardPlan,
    staged: StagedTables,
    read: Finished,
    counts: Mapping[str, BoardCount],
    live: Generation | None,
    parts: Parts,
    options: Options,
) -> ValidatedTables:
    try:
        validated = validate(
            staged,
            parts.destination,
            _expectation(plan, read, counts[plan.key].items_count, options.limit),
            live_rows=live.rows if live else None,
            max_shrink=options.max_shrink,
            overrides=options.overrides,
            gone=read.difference.deleted,
            max_deletes=options.policy.max_deletes,
        )
    except BoardliftError as error:
        parts.ledger.record_checks(run_id, plan.key, getattr(error, "results", ()))
        raise
    parts.ledger.record_checks(run_id, plan.key, validated.results)
    return validated


def _expectation(plan: BoardPlan, read: Finished, after: int | None, limit: int | None) -> Expectation:
    """The range between the count before and the count after; people work while we read."""
    before = plan.board.items_count
    known = [count for count in (before, after, *read.counts) if count is not None]
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
    generation: int,
    read: Finished | None,
    found: Survey,
    parts: Parts,
) -> BoardResult:
    stats = parts.client.stats(plan.key)
    reason, mode = found.full.get(plan.key, ""), ReadAs.FULL
    if plan.key in found.changed:
        mode = ReadAs.INCREMENTAL
    if read is None:
        mode, rows = ReadAs.UNCHANGED, found.unchanged[plan.key].resume.live.rows
        read = Finished(rows, 0, 0.0, Difference(0, 0, 0))
    record = BoardRecord(
        board_id=plan.key,
        board_name=plan.board.name,
        table=plan.table,
        rows=read.items,
        columns=len(plan.group.main.columns),
        generation=generation,
        seconds=read.seconds,
        calls=stats.calls,
        points=stats.points,
        bytes=stats.bytes,
        retries=stats.retries,
        quarantined=read.quarantined,
        mode=mode,
        reason=reason,
        added=read.difference.added,
        changed=read.difference.changed,
        deleted=read.difference.deleted,
    )
    parts.ledger.record_board(run_id, record)
    return BoardResult(plan, record)
