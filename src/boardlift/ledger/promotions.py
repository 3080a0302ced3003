"""Intent before a swap, outcome after it; whatever lies between survives a crash and is settled by the marker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from boardlift.errors import BoardliftError
from boardlift.ledger.records import Outcome, Promotion, PromotionKind, SettledBy
from boardlift.ledger.store import Part, Store


@dataclass(frozen=True)
class _Group:
    group: str
    generation: int
    left: int


class Promotions(Part):
    """The chapter of swaps."""

    def intend(self, run_id: str, kind: PromotionKind, groups: Sequence[tuple[str, int]]) -> None:
        """Write down, durably, that `run_id` is about to make these generations live. Call it before the swap.

        Raises BoardliftError when the run is not running or has intended a swap before.
        """
        with self._store.transaction():
            self._store.change("intend", run_id=run_id, kind=kind, at=self._clock.now())
            for group, generation in groups:
                self._store.change("intend_group", run_id=run_id, group=group, generation=generation)

    def settle(
        self,
        run_id: str,
        outcome: Outcome,
        by: SettledBy,
        attempts: int | None = None,
        blocked_ms: float | None = None,
        promoted_at: datetime | None = None,
        left: Iterable[str] = (),
    ) -> None:
        """Write how the swap of `run_id` ended; once, also after the run itself has ended.

        `left` are table groups of a promoted swap that had not gone live when it was stopped between two commits.
        Raises BoardliftError when the run intended nothing, when its outcome is known already, or when an abandoned
        swap is given a time.
        """
        with self._store.transaction():
            promotion = promotion_of(self._store, run_id)
            if promotion is None:
                raise BoardliftError(f"Run {run_id} did not intend a promotion.", hint="boardlift runs")
            if promotion.outcome is not None:
                raise BoardliftError(
                    f"The promotion of run {run_id} is already settled as {promotion.outcome.value}.",
                    hint="boardlift generations shows what is live",
                )
            for group in left:
                self._store.change("leave_group", run_id=run_id, group=group)
            self._store.change(
                "settle",
                run_id=run_id,
                outcome=outcome,
                by=by,
                at=self._clock.now(),
                attempts=attempts,
                blocked_ms=blocked_ms,
                promoted_at=promoted_at,
            )

    def open_promotions(self, destination: str, namespace: str) -> list[Promotion]:
        """Intents without an outcome, oldest first: a run is swapping now, or died while it did."""
        with self._store.snapshot():
            found = self._store.rows("list_open_promotions", Promotion, destination=destination, namespace=namespace)
            return [_with_groups(self._store, promotion) for promotion in found]


def promotion_of(store: Store, run_id: str) -> Promotion | None:
    """The promotion a run intended, with its groups; None when it intended none."""
    found = store.rows("get_promotion", Promotion, run_id=run_id)
    return _with_groups(store, found[0]) if found else None


def _with_groups(store: Store, promotion: Promotion) -> Promotion:
    groups = store.rows("list_promotion_groups", _Group, run_id=promotion.run_id)
    return replace(
        promotion,
        groups=tuple((row.group, row.generation) for row in groups),
        left=tuple(row.group for row in groups if row.left),
    )
