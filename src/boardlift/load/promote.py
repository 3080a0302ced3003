"""Making validated generations live: intent in the ledger, one swap in the destination, outcome in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boardlift.destinations.interface import Destination, State, SwapOutcome
from boardlift.errors import DestinationError
from boardlift.ledger import Ledger, Outcome, PromotionKind, SettledBy
from boardlift.load.validate import ValidatedTables


@dataclass(frozen=True)
class PromotedTables:
    """Generations that readers see since `outcome.promoted_at`; without an outcome there was nothing to swap."""

    tables: tuple[ValidatedTables, ...]
    outcome: SwapOutcome | None


def promote(run_id: str, tables: Sequence[ValidatedTables], destination: Destination, ledger: Ledger) -> PromotedTables:
    """Swap all tables in, in one commit. On any failure the destination is as it was.

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
        outcome = destination.promote(run_id, [table.staged for table in tables])
    except DestinationError:
        if are_live(destination, groups) is False:
            ledger.settle(run_id, Outcome.ABANDONED, by=SettledBy.RUN)
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


def settle(destination: Destination, ledger: Ledger) -> list[str]:
    """Close what a crash left open: for each intent without an outcome, the destination's catalogue has the answer.

    Returns one sentence for each promotion that was settled.
    """
    told = []
    for promotion in ledger.open_promotions(destination.identity, destination.namespace):
        happened = are_live(destination, promotion.groups)
        if happened is None:
            continue
        ledger.settle(promotion.run_id, Outcome.PROMOTED if happened else Outcome.ABANDONED, by=SettledBy.MARKER)
        verb = "had been committed" if happened else "had not taken place"
        told.append(f"Run {promotion.run_id} ended without a word; the destination says that its swap {verb}.")
    return told


def are_live(destination: Destination, groups: Sequence[tuple[str, int]]) -> bool | None:
    """Whether exactly these generations are live, as the catalogue says; None when it cannot be asked."""
    try:
        live = {(stored.group, stored.number) for stored in destination.generations() if stored.state is State.LIVE}
    except DestinationError:
        return None
    return all(group in live for group in groups)
