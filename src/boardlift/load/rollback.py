"""Going back, and forward again: a kept generation becomes live by the same swap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boardlift.destinations.interface import Destination, Generation, State, SwapOutcome
from boardlift.errors import UNCHANGED, DestinationError, PromotionConflict
from boardlift.ledger import Ledger, Outcome, PromotionKind, SettledBy
from boardlift.load.commits import Part, carry_out, pace_of
from boardlift.load.pace import Pace
from boardlift.load.promote import settle_failed


@dataclass(frozen=True)
class Target:
    """One table group, and the generation that readers see before and after."""

    before: Generation
    after: Generation


def choose(
    destination: Destination, groups: Sequence[str], number: int | None, *, forward: bool = False
) -> list[Target]:
    """Which generation each group goes to: the one named, or the nearest older (newer, if `forward`) one.

    Raises PromotionConflict when a group has no such generation.
    """
    return [_target(destination.generations(group), group, number, forward) for group in groups]


def _target(stored: Sequence[Generation], group: str, number: int | None, forward: bool) -> Target:
    live = next((generation for generation in stored if generation.state is State.LIVE), None)
    if live is None:
        raise PromotionConflict(
            f"Board {group} has no live table in this destination. {UNCHANGED}", hint=f"run `boardlift sync {group}`"
        )
    kept = [generation for generation in stored if generation.state is State.KEPT]
    if number is not None:
        found = [generation for generation in kept if generation.number == number]
    elif forward:
        found = sorted((g for g in kept if g.number > live.number), key=lambda g: g.number)
    else:
        found = sorted((g for g in kept if g.number < live.number), key=lambda g: -g.number)
    if not found:
        wanted = f"generation {number}" if number is not None else "a newer one" if forward else "an older one"
        numbers = ", ".join(str(generation.number) for generation in kept) or "none"
        raise PromotionConflict(
            f"Board {group} cannot go to {wanted}: live is generation {live.number}, kept are: {numbers}. {UNCHANGED}",
            hint=f"`boardlift generations {group}` lists what is kept",
        )
    return Target(before=live, after=found[0])


def roll_back(run_id: str, targets: Sequence[Target], destination: Destination, ledger: Ledger) -> SwapOutcome:
    """Make every target live, in one commit or in as many as they need. On any failure no board is half gone back."""
    groups = [(target.after.group, target.after.number) for target in targets]
    ledger.intend(run_id, PromotionKind.ROLLBACK, groups)
    try:
        outcome = swap_back(run_id, targets, destination, pace_of(destination, ledger))
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
    return outcome


def swap_back(run_id: str, targets: Sequence[Target], destination: Destination, pace: Pace) -> SwapOutcome:
    """The swap alone, in as many commits as it needs."""
    parts = [
        Part((target.after.group, target.after.number), _names(target.after), _names(target.before))
        for target in targets
    ]
    return carry_out(parts, destination, pace, lambda some: destination.rollback(run_id, some))


def _names(generation: Generation) -> frozenset[str]:
    return frozenset(table.name for table in generation.tables)
