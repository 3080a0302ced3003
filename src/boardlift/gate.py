"""The gate of a run: what monday counts when all is staged, and whether every board may pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from boardlift.destinations.interface import Destination, Generation
from boardlift.errors import UNCHANGED, CheckFailed, CheckResult, SourceError, SourceIncomplete, Transient
from boardlift.incremental.discrepancy import Answer
from boardlift.incremental.stage import Difference
from boardlift.ledger import Ledger
from boardlift.load.checks.interface import Expectation
from boardlift.load.stage import Staging
from boardlift.load.validate import ValidatedTables, measure, validate
from boardlift.monday.boards import read_counts
from boardlift.monday.client import MondayClient
from boardlift.monday.model import BoardCount
from boardlift.normalize.boards import BoardPlan


class BoardMoved(SourceIncomplete, Transient):
    """A column that is being read was deleted or changed its type meanwhile; a new plan is needed."""


@dataclass(frozen=True)
class Finished:
    """A board whose rows are staged: how many items, how long it took, what is new in it, and what reading it cost.

    `counts` is what monday counted on the way, beside before and after; `answer` what came of counts that did not fit.
    """

    items: int
    seconds: float
    difference: Difference = field(default_factory=Difference)
    counts: Sequence[int] = ()
    answer: Answer | None = None


@dataclass(frozen=True)
class Rules:
    """What the gate holds rows against. `overrides` maps a check to the reason why it does not count this time."""

    max_shrink: float
    max_deletes: float
    limit: int | None
    overrides: Mapping[str, str]


def counts_after(
    plans: Sequence[BoardPlan], client: MondayClient
) -> tuple[dict[str, BoardCount], dict[str, SourceError]]:
    """What monday counts now, and the boards that are gone.

    Raises BoardMoved when a board lost or retyped a column that was being read.
    """
    counts = {count.id: count for count in read_counts(client, [plan.key for plan in plans])}
    gone: dict[str, SourceError] = {}
    for plan in plans:
        if plan.key not in counts:
            gone[plan.key] = SourceIncomplete(
                f"Board {plan.key} ({plan.board.name!r}) disappeared while it was read.",
                hint="`boardlift boards` lists what the token can read now",
            )
            continue
        now = {head.id: head.type for head in counts[plan.key].column_heads}
        moved = [column.source for column in plan.columns if now.get(column.source.id) != column.source.type]
        if moved:
            raise BoardMoved(
                f"Board {plan.key} ({plan.board.name!r}) changed its column {moved[0].id} ({moved[0].title!r}) "
                f"while it was read. {UNCHANGED}",
                hint=f"run `boardlift sync {plan.key}` again when the board is at rest",
            )
    return counts, gone


def pass_gate(
    run_id: str,
    plans: Sequence[BoardPlan],
    stagings: Mapping[str, Staging],
    finished: Mapping[str, Finished],
    counts: Mapping[str, BoardCount],
    live: Mapping[str, Generation],
    destination: Destination,
    ledger: Ledger,
    rules: Rules,
) -> list[ValidatedTables]:
    """Send every board through the gate; the results, also those of a refusal, go to the ledger."""
    staged = [stagings[plan.key].seal() for plan in plans]
    facts = measure(staged, destination)
    validated: list[ValidatedTables] = []
    results: list[tuple[str, Sequence[CheckResult]]] = []
    try:
        for plan, tables in zip(plans, staged, strict=True):
            read = finished[plan.key]
            validated.append(
                validate(
                    tables,
                    facts,
                    expectation(plan, read, counts[plan.key].items_count, rules.limit),
                    live_rows=live[plan.key].rows if plan.key in live else None,
                    max_shrink=rules.max_shrink,
                    overrides=rules.overrides,
                    gone=read.difference.deleted,
                    max_deletes=rules.max_deletes,
                    same_keys=destination.capabilities.same_keys,
                )
            )
            results.append((plan.key, validated[-1].results))
    except CheckFailed as error:
        results.append((plan.key, error.results))
        raise
    finally:
        with ledger.together():
            for board_id, found in results:
                ledger.record_checks(run_id, board_id, found)
    return validated


def expectation(plan: BoardPlan, read: Finished, after: int | None, limit: int | None) -> Expectation:
    """The range between the counts before, on the way, and after, and whatever else has been explained; people work
    while we read."""
    known = [count for count in (plan.board.items_count, *read.counts, after) if count is not None]
    if not known:
        return Expectation(read.items, read.items, read.items, note="monday gave no count")
    least, most = min(known), max(known)
    if (answer := read.answer) is not None and limit is None:
        if answer.explained:
            least, most = min(least, read.items), max(most, read.items)
        note = "; ".join(answer.sentences)
        return Expectation(least, most, read.items, note=note, explained=answer.explained is not False)
    if plan.board.is_multi_level:
        return Expectation(
            least, max(most, read.items), read.items, note="a multi-level board: the top level is counted"
        )
    if limit is not None:
        return Expectation(min(least, limit), min(most, limit), read.items, note=f"test mode reads {limit}")
    return Expectation(least, most, read.items)
