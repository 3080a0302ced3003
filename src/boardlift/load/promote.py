"""Making validated generations live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boardlift.destinations.interface import Destination, SwapOutcome
from boardlift.ledger import Ledger, PromotionKind
from boardlift.load.record import on_record
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
    outcome = on_record(
        run_id, groups, destination, ledger, lambda: destination.promote(run_id, [table.staged for table in tables])
    )
    return PromotedTables(tuple(tables), outcome)
