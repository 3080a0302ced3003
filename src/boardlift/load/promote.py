"""Making validated generations live: intent in the ledger, the swap in the destination, outcome in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boardlift.destinations.interface import Destination, StagedGroup, State, SwapOutcome
from boardlift.errors import DestinationError
from boardlift.ledger import Ledger, Outcome, PromotionKind, SettledBy
from boardlift.load.commits import Part, carry_out, pace_of
from boardlift.load.validate import ValidatedTables


@dataclass(frozen=True)
class PromotedTables:
    """Generations that readers see since `outcome.promoted_at`; without an outcome there was nothing to swap."""

    tables: tuple[ValidatedTables, ...]
    outcome: SwapOutcome | None


def promote(run_id: str, tables: Sequence[ValidatedTables], destination: Destination, ledger: Ledger) -> PromotedTables:
    """Swap all tables in, in one commit or in as many as they need. On any failure each board is as it was or whole.

    When the connection dies during the commit, the catalogue is asked what happened; if it cannot be asked, the
    intent stays open and the next run settles it.
    """
    groups = [(table.staged.group, table.staged.generation) for table in tables]
    with ledger.together():
        ledger.intend(run_id, PromotionKind.PROMOTE, groups)
        for table in tables:
            made = [ref.table for ref, _ in table.staged.tables]  # a key that is not declared is no part of the shape
            ledger.record_shapes(
                destination.identity, destination.namespace, table.group.key, table.staged.generation, made
            )
    try:
        parts = _parts([table.staged for table in tables], destination)
        pace = pace_of(destination, ledger)
        outcome = carry_out(parts, destination, pace, lambda some: destination.promote(run_id, some))
    except DestinationError:
        settle_failed(run_id, groups, destination, ledger)
        raise
    ledger.settle(
        run_id,
        Outcome.PROMOTED,
        by=SettledBy.RUN,
        attempts=outcome.attempts,
        blocked_ms=outcome.blocked_ms,
        promoted_at=outcome.promoted_at,
    )
    return PromotedTables(tuple(tables), outcome)


def _parts(groups: Sequence[StagedGroup], destination: Destination) -> list[Part[StagedGroup]]:
    stored = destination.generations() if destination.capabilities.tables_in_one_commit else []
    live = {one.group: [table.name for table in one.tables] for one in stored if one.state is State.LIVE}
    return [
        Part(
            group,
            frozenset(ref.table.name for ref, _ in group.tables),
            frozenset(live.get(group.group, ())),
            group.replace,
        )
        for group in groups
    ]


def settle_failed(run_id: str, groups: Sequence[tuple[str, int]], destination: Destination, ledger: Ledger) -> None:
    """Write down how a swap ended that raised an error, unless the destination cannot say: then the next run asks."""
    left = not_live(destination, groups)
    if left:
        _settle(run_id, groups, left, SettledBy.RUN, ledger)


def _settle(run_id: str, groups: Sequence[tuple[str, int]], left: Sequence[str], by: SettledBy, ledger: Ledger) -> None:
    if len(left) == len(groups):
        ledger.settle(run_id, Outcome.ABANDONED, by=by)
    else:
        ledger.settle(run_id, Outcome.PROMOTED, by=by, left=left)


def settle(destination: Destination, ledger: Ledger) -> list[str]:
    """Close what a crash left open: for each intent without an outcome, the destination's catalogue has the answer.

    A swap that was stopped between two of its commits counts as promoted, with the boards that it left as they were.

    Returns one sentence for each promotion that was settled.
    """
    told = []
    for promotion in ledger.open_promotions(destination.identity, destination.namespace):
        left = not_live(destination, promotion.groups)
        if left is None:
            continue
        _settle(promotion.run_id, promotion.groups, left, SettledBy.MARKER, ledger)
        done = len(promotion.groups) - len(left)
        verb = "had been committed" if done else "had not taken place"
        if 0 < done < len(promotion.groups):
            verb = f"had been committed for {done} of {len(promotion.groups)} boards"
        told.append(f"Run {promotion.run_id} ended without a word; the destination says that its swap {verb}.")
    return told


def not_live(destination: Destination, groups: Sequence[tuple[str, int]]) -> list[str] | None:
    """The groups whose generation of these is not live, as the catalogue says; None when it cannot be asked."""
    try:
        live = {(stored.group, stored.number) for stored in destination.generations() if stored.state is State.LIVE}
    except DestinationError:
        return None
    return [group for group, number in groups if (group, number) not in live]
