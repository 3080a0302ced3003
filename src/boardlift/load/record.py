"""Swaps on record: intent in the ledger, one swap in the destination, outcome in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from boardlift.destinations.interface import Destination, State, SwapOutcome
from boardlift.errors import DestinationError
from boardlift.ledger import Ledger, Outcome, SettledBy


def on_record(
    run_id: str,
    groups: Sequence[tuple[str, int]],
    destination: Destination,
    ledger: Ledger,
    swap: Callable[[], SwapOutcome],
) -> SwapOutcome:
    """Do the `swap` that the ledger was told of before, and tell it what came of it.

    `groups` are the table groups and the generations that shall be live. When the swap fails and the destination cannot
    say which are, the intent stays open, and the next run settles it. Raises what `swap` raises.
    """
    try:
        outcome = swap()
    except DestinationError:
        if _are_live(destination, groups) is False:
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
    return outcome


def settle(destination: Destination, ledger: Ledger) -> list[str]:
    """Close what a crash left open: for each intent without an outcome, the destination's catalogue has the answer.

    Returns one sentence for each promotion that was settled.
    """
    told = []
    for promotion in ledger.open_promotions(destination.identity, destination.namespace):
        happened = _are_live(destination, promotion.groups)
        if happened is None:
            continue
        ledger.settle(promotion.run_id, Outcome.PROMOTED if happened else Outcome.ABANDONED, by=SettledBy.MARKER)
        verb = "had been committed" if happened else "had not taken place"
        told.append(f"Run {promotion.run_id} ended without a word; the destination says that its swap {verb}.")
    return told


def _are_live(destination: Destination, groups: Sequence[tuple[str, int]]) -> bool | None:
    """Whether exactly these generations are live, as the catalogue says; None when it cannot be asked."""
    try:
        live = {(stored.group, stored.number) for stored in destination.generations() if stored.state is State.LIVE}
    except DestinationError:
        return None
    return all(group in live for group in groups)
