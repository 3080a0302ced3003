"""What changed on monday.com since a sync last brought it over, as webhooks told it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from boardlift.ledger.store import Part


@dataclass(frozen=True)
class Touched:
    """One event of a webhook.

    `board_id` is the board to be synced; `item_board_id` the one the item is on, another for subitems. `item_id` is
    empty for an event of the board itself, `trigger_uuid` when the sender gave none.
    """

    board_id: str
    item_board_id: str
    item_id: str
    event: str
    trigger_uuid: str


@dataclass(frozen=True)
class DirtyBoard:
    """A board that changed, and when the oldest change that was not brought over was told."""

    board_id: str
    since: datetime


@dataclass(frozen=True)
class DirtyItem:
    """An item that changed, its latest event, and when that was told."""

    item_board_id: str
    item_id: str
    event: str
    seen_at: datetime


@dataclass(frozen=True)
class _Known:
    board_id: str


@dataclass(frozen=True)
class _Pass:
    started_at: datetime


class Dirt(Part):
    """The chapter of changes that wait for a sync. They are kept for each destination and namespace.

    A run counts as having seen an event only if it began after the event was written here, and succeeded.
    """

    def knows_board(self, board_id: str) -> bool:
        """Whether the board, or board of subitems, has had a table in this ledger."""
        return bool(self._store.rows("knows_board", _Known, board_id=board_id))

    def mark_dirty(self, destination: str, namespace: str, events: Sequence[Touched]) -> list[bool]:
        """Write down events; all or none. out: for each, False when it had been delivered before and changes nothing.

        Raises BoardliftError when the ledger cannot be locked or written.
        """
        at = self._clock.now()
        place = {"destination": destination, "namespace": namespace}
        fresh = []
        with self._store.transaction():
            for event in events:
                item = {"item_board_id": event.item_board_id, "item_id": event.item_id}
                new = not event.trigger_uuid or self._store.change(
                    "add_delivery", **place, **item, trigger_uuid=event.trigger_uuid, at=at
                )
                fresh.append(bool(new))
                if not new:
                    continue
                self._store.change("mark_board", **place, board_id=event.board_id, at=at)
                if event.item_id:
                    self._store.change("mark_item", **place, **item, board_id=event.board_id, event=event.event, at=at)
        return fresh

    def dirty_boards(self, destination: str, namespace: str) -> list[DirtyBoard]:
        """The boards that wait for a sync, the one that has waited longest first."""
        return self._store.rows("list_dirty_boards", DirtyBoard, destination=destination, namespace=namespace)

    def dirty_items(self, destination: str, namespace: str, board_id: str) -> list[DirtyItem]:
        """The items of a board, and its subitems, that wait for a sync: a hint, for webhooks can be lost."""
        return self._store.rows(
            "list_dirty_items", DirtyItem, destination=destination, namespace=namespace, board_id=board_id
        )

    def clean(self, destination: str, namespace: str, run_id: str, boards: Iterable[str]) -> None:
        """Forget what was written of these boards before the run `run_id` began; nothing unless it succeeded."""
        with self._store.transaction():
            for board_id in boards:
                for query in ("clean_boards", "clean_items"):
                    self._store.change(
                        query, destination=destination, namespace=namespace, board_id=board_id, run_id=run_id
                    )

    def drop_dirty(self, destination: str, namespace: str, board_id: str) -> None:
        """Forget all that was told of a board which boardlift.yaml does not choose: no sync will ever bring it over."""
        with self._store.transaction():
            for query in ("drop_board", "drop_items"):
                self._store.change(query, destination=destination, namespace=namespace, board_id=board_id)

    def settle_dirty(self, destination: str, namespace: str) -> None:
        """Forget what syncs of any process have brought over by now."""
        with self._store.transaction():
            self._store.change("settle_boards", destination=destination, namespace=namespace)
            self._store.change("settle_items", destination=destination, namespace=namespace)

    def forget_deliveries(self, before: datetime) -> int:
        """Forget webhooks that came before this moment; one of them would count as new again. out: how many."""
        with self._store.transaction():
            return self._store.change("forget_deliveries", before=before)

    def record_full_pass(self, destination: str, namespace: str, run_id: str) -> None:
        """Note that the run went over all boards on behalf of a listener."""
        with self._store.transaction():
            self._store.change("record_full_pass", destination=destination, namespace=namespace, run_id=run_id)

    def last_full_pass(self, destination: str, namespace: str) -> datetime | None:
        """When the newest pass of a listener over all boards began; None before the first."""
        found = self._store.rows("get_full_pass", _Pass, destination=destination, namespace=namespace)
        return found[0].started_at if found else None
