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
from boardlift.errors import UNCHANGED, DependentObject, PromotionConflict, SourceError
from boardlift.gate import BoardMoved, Finished, Rules, counts_after, pass_gate
from boardlift.incremental.ahead import Ahead
from boardlift.incremental.decide import Policy
from boardlift.incremental.discrepancy import Counted, explain
from boardlift.incremental.marks import marks_of
from boardlift.incremental.stage import Difference, stage_changes, stage_more, stage_tombstones
from boardlift.incremental.survey import Survey, everything, survey
from boardlift.incremental.tools import Tools
from boardlift.ledger import BoardRecord, Ledger, ReadAs
from boardlift.load.promote import PromotedTables, promote
from boardlift.load.stage import Staging, open_stagings
from boardlift.loading import Loader
from boardlift.monday.client import CallStats, MondayClient
from boardlift.monday.dialect import Dialect
from boardlift.monday.events import BoardFailed, BoardRead
from boardlift.monday.model import BoardCount
from boardlift.monday.parallel import Begun, Manner, read_in_parallel
from boardlift.monday.sharing import quantiles
from boardlift.monday.threads import beside
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.items import Normalizer, open_engine
from boardlift.normalize.many import ManyBoards
from boardlift.progress import Progress
from boardlift.spool.run import SpoolRun
from boardlift.words import count

__all__ = ["BoardMoved", "BoardResult", "Failure", "Options", "Parts", "Synced", "sync"]


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
    policy: Policy = field(default_factory=Policy)
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BoardResult:
    """One board of a finished run."""

    plan: BoardPlan
    record: BoardRecord


@dataclass(frozen=True)
class Failure:
    """A board that could not be read, and stays as it was, while others went live."""

    plan: BoardPlan
    error: SourceError


@dataclass(frozen=True)
class Synced:
    """What came of a run: what went live, and what did not; `settled` says why a count did not fit."""

    promoted: PromotedTables
    boards: tuple[BoardResult, ...]
    failed: tuple[Failure, ...] = ()
    settled: tuple[str, ...] = ()


@dataclass
class _Run:
    """What is known of a run on its way. `without` are the items left out of what is staged of a board already."""

    plans: Sequence[BoardPlan]
    live: Mapping[str, Generation]
    tools: Tools
    found: Survey
    stagings: dict[str, Staging] = field(default_factory=dict)
    without: Mapping[str, frozenset[int]] = field(default_factory=dict)
    finished: dict[str, Finished] = field(default_factory=dict)
    reads: dict[str, BoardRead] = field(default_factory=dict)
    failed: dict[str, SourceError] = field(default_factory=dict)

    @property
    def staged(self) -> list[BoardPlan]:
        """The boards of which a new generation comes."""
        return [plan for plan in self.plans if plan.key not in self.found.unchanged and plan.key not in self.failed]


def sync(run_id: str, plans: Sequence[BoardPlan], parts: Parts, options: Options) -> Synced:
    """Bring these boards to the destination and make them live, in one commit or in as many as the engine needs.

    A board that cannot be read for a reason of its own stays as it is and is told. On any other failure, and when no
    board could be read, nothing is live and the error is raised.
    """
    live = {g.group: g for g in parts.destination.generations() if g.state is State.LIVE}
    _refuse_taken(plans, parts.destination)
    tools = Tools(
        parts.client, parts.destination, parts.spool, parts.clock, parts.progress, options.manner, parts.dialect
    )
    ahead = Ahead(lambda boards: _open_stagings(boards, parts.destination))
    run = _Run(plans, live, tools, _surveyed(plans, live, parts, tools, options, ahead))
    begun = {plan.key: ahead.take(plan.key) for plan in run.staged if plan.key in run.found.changed}
    run.without = {key: each[1] for key, each in begun.items() if each is not None}
    run.stagings = {key: each[0] for key, each in begun.items() if each is not None}
    run.stagings |= _open_stagings([plan for plan in run.staged if plan.key not in run.stagings], parts.destination)
    with _loader(run, parts) as (loader, normalizers):
        _read_all(run, parts, options, loader)
        limited = options.manner.limit is not None
        staged = run.staged
        counted = beside(lambda: counts_after(staged, parts.client) if staged else ({}, {}))
        for plan in staged:
            if plan.key in run.found.changed:
                _stage_difference(run, plan, normalizers[plan.key], limited=limited)
        counts, gone = counted()
        run.failed |= gone
        if not limited:
            _settle_counts(run, counts, normalizers)
        for plan in run.staged:
            if plan.key not in run.found.changed:
                _stage_difference(run, plan, normalizers[plan.key], limited=limited)
    if len(run.failed) == len(plans):
        raise _none_read(plans, run.failed)
    promoted = _promoted(run_id, run, counts, parts, options)
    results = _records(run_id, run, promoted, loader, parts, options)
    if run.failed or ahead.left:
        parts.destination.drop_staged()
    failures = [Failure(plan, run.failed[plan.key]) for plan in plans if plan.key in run.failed]
    return Synced(promoted, tuple(results), tuple(failures), settled=_settled(run))


def _none_read(plans: Sequence[BoardPlan], failed: Mapping[str, SourceError]) -> SourceError:
    """The error of the first board, with its name, and with how many others there are."""
    first = plans[0]
    error = failed[first.key]
    if first.key not in error.message:
        error.message = f"Board {first.key} ({first.board.name!r}) could not be read: {error.message}"
    if len(plans) > 1:
        error.message += f" Nor could any of the other {len(plans) - 1} boards."
    error.args = (error.message,)
    return error


def _surveyed(
    plans: Sequence[BoardPlan],
    live: Mapping[str, Generation],
    parts: Parts,
    tools: Tools,
    options: Options,
    ahead: Ahead,
) -> Survey:
    if options.manner.limit is not None or not any(plan.incremental for plan in plans):
        return everything(plans)
    marks = parts.ledger.watermarks(parts.destination.identity, parts.destination.namespace)
    return survey(plans, live, marks, tools, options.policy, _hinted(plans, parts), ahead.begin)


def _hinted(plans: Sequence[BoardPlan], parts: Parts) -> dict[str, frozenset[int]]:
    """The items that webhooks told of and no run has brought over, by the board they are on."""
    place = (parts.destination.identity, parts.destination.namespace)
    parts.ledger.settle_dirty(*place)
    found: dict[str, set[int]] = {}
    for plan in plans:
        for item in parts.ledger.dirty_items(*place, plan.key):
            if len(item.item_id) <= _ID_DIGITS:
                found.setdefault(item.item_board_id, set()).add(int(item.item_id))
    return {board_id: frozenset(items) for board_id, items in found.items()}


def _read_all(run: _Run, parts: Parts, options: Options, loader: Loader) -> None:
    """Read whole boards and stage their rows as they come."""
    plans = [plan for plan in run.plans if plan.key in run.found.full]
    if not plans:
        return
    started = {plan.key: parts.clock.monotonic() for plan in plans}
    parts.progress.phase("reading", count(len(plans), "board"))
    reading = read_in_parallel(
        parts.client,
        [(plan.board, plan.selection) for plan in plans],
        parts.spool,
        manner=replace(options.manner, quantiles=known_quantiles([plan.key for plan in plans], parts.ledger)),
        progress=parts.progress,
        dialect=parts.dialect,
    )
    with reading as events:
        for event in events:
            if isinstance(event, Begun):
                started[event.board_id] = parts.clock.monotonic()
                continue
            loader.take(event)
            if isinstance(event, BoardFailed):
                run.failed[event.board_id] = event.error
            elif isinstance(event, BoardRead):
                _keep_quantiles(event.board_id, parts)
                run.reads[event.board_id] = event
                seconds = parts.clock.monotonic() - started[event.board_id]
                run.finished[event.board_id] = Finished(event.items, seconds)
        loader.finish()


def _settle_counts(run: _Run, counts: Mapping[str, BoardCount], normalizers: Mapping[str, Normalizer]) -> None:
    """Find out why the count of a board read in full does not fit, and stage what had not come."""
    whole = [plan for plan in run.staged if plan.key in run.reads]
    read = [
        Counted(plan, run.reads[plan.key].items, plan.board.items_count, counts[plan.key].items_count) for plan in whole
    ]
    for key, answer in explain(run.tools, read).items():
        stage_more(answer.windows, run.stagings[key], normalizers[key])
        finished = run.finished[key]
        run.finished[key] = replace(finished, items=finished.items + answer.items, answer=answer)


def _settled(run: _Run) -> tuple[str, ...]:
    answers = [(plan, finished.answer) for plan in run.staged if (finished := run.finished[plan.key]).answer]
    return tuple(
        f"Board {plan.key} ({plan.board.name!r}), whose count did not fit: {'; '.join(answer.sentences)}."
        for plan, answer in answers
        if answer is not None
    )


_ID_DIGITS = 18
"""Numbers of so many digits fit into 64 bits."""
_QUANTILES = "creation quantiles"


def known_quantiles(board_ids: Iterable[str], ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """How the items of these boards were spread over time when they were read last."""
    known = {board_id: ledger.recall(f"board {board_id}", _QUANTILES) for board_id in board_ids}
    return {board_id: tuple(text.split()) for board_id, text in known.items() if text}


def _keep_quantiles(board_id: str, parts: Parts) -> None:
    if marks := quantiles(parts.spool.windows(board_id)):
        parts.ledger.keep(f"board {board_id}", _QUANTILES, " ".join(marks))


def _stage_difference(run: _Run, plan: BoardPlan, normalizer: Normalizer, *, limited: bool) -> None:
    """Of an incremental board: the rows that come of its changes, or what a full read of it finds to have gone."""
    tools, staging = run.tools, run.stagings[plan.key]
    started = tools.clock.monotonic()
    if changes := run.found.changed.get(plan.key):
        difference = stage_changes(changes, staging, normalizer, tools.clock.now(), run.without.get(plan.key))
        run.finished[plan.key] = Finished(changes.expected, 0.0, difference, counts=changes.counts)
    elif plan.incremental and not limited:
        windows = tools.spool.windows(plan.key)
        difference = stage_tombstones(tools, plan, run.live.get(plan.key), windows, staging, normalizer)
        run.finished[plan.key] = replace(run.finished[plan.key], difference=difference)
    seconds = run.finished[plan.key].seconds + tools.clock.monotonic() - started
    run.finished[plan.key] = replace(run.finished[plan.key], seconds=seconds)


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
def _loader(run: _Run, parts: Parts) -> Iterator[tuple[Loader, Mapping[str, Normalizer]]]:
    engine = open_engine(parts.spool.folder / "scratch")
    try:
        normalizers = {plan.key: Normalizer(plan, engine) for plan in run.staged}
        many = ManyBoards(engine, normalizers)
        yield Loader(run.staged, run.stagings, normalizers, many, parts.destination), normalizers
    finally:
        engine.close()


def _promoted(
    run_id: str, run: _Run, counts: Mapping[str, BoardCount], parts: Parts, options: Options
) -> PromotedTables:
    staged = run.staged
    if not staged:
        return PromotedTables((), None)
    parts.progress.phase("validating", count(len(staged), "board"))
    rules = Rules(options.max_shrink, options.policy.max_deletes, options.manner.limit, options.overrides)
    validated = pass_gate(
        run_id, staged, run.stagings, run.finished, counts, run.live, parts.destination, parts.ledger, rules
    )
    parts.progress.phase("promoting", count(sum(len(plan.group.tables) for plan in staged), "table"))
    return promote(run_id, validated, parts.destination, parts.ledger)


def _records(
    run_id: str, run: _Run, promoted: PromotedTables, loader: Loader, parts: Parts, options: Options
) -> list[BoardResult]:
    """Write down how far each board has been read, and what was done to it."""
    done = [plan for plan in run.plans if plan.key not in run.failed]
    generations = {key: generation.number for key, generation in run.live.items()}
    generations |= {tables.staged.group: tables.staged.generation for tables in promoted.tables}
    marks = marks_of(run_id, done, generations, run.found, run.tools, options.policy)
    parts.ledger.set_watermarks(parts.destination.identity, parts.destination.namespace, marks)
    with parts.ledger.together():
        return [_record(run_id, run, plan, generations[plan.key], loader, parts) for plan in done]


def _record(run_id: str, run: _Run, plan: BoardPlan, generation: int, loader: Loader, parts: Parts) -> BoardResult:
    read, quarantined, mode = run.finished.get(plan.key), 0, ReadAs.FULL
    if plan.key in run.found.changed:
        mode = ReadAs.INCREMENTAL
    if read is None:
        mode = ReadAs.UNCHANGED
        read = Finished(run.found.unchanged[plan.key].resume.live.rows, 0.0, Difference(0, 0, 0))
    else:
        quarantined = loader.quarantined(plan.key)
    cost = parts.client.stats(plan.key)
    if whole := run.reads.get(plan.key):
        # Small boards share calls, which are booked on none of them.
        cost = CallStats(whole.calls, whole.points, whole.nbytes, whole.retries)
    record = BoardRecord(
        board_id=plan.key,
        board_name=plan.board.name,
        table=plan.table,
        rows=read.items,
        columns=len(plan.group.main.columns),
        generation=generation,
        seconds=read.seconds,
        calls=cost.calls,
        points=cost.points,
        bytes=cost.bytes,
        retries=cost.retries,
        quarantined=quarantined,
        mode=mode,
        reason=run.found.full.get(plan.key, ""),
        added=read.difference.added,
        changed=read.difference.changed,
        deleted=read.difference.deleted,
    )
    parts.ledger.record_board(run_id, record)
    return BoardResult(plan, record)
