"""From many requests to few commits: events wait in line, one thread writes all that wait in one transaction."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from boardlift.errors import BoardliftError
from boardlift.ledger import Touched

MOST_AT_ONCE = 500
CAPACITY = 5_000


class Receipt(Enum):
    """What became of an event."""

    RECORDED = "recorded"  # it is on disk
    SEEN = "seen"  # it had come before
    REFUSED = "refused"  # the ledger could not be written in time; the sender has to come again


@dataclass
class _Waiting:
    event: Touched
    receipt: Receipt = Receipt.REFUSED
    done: threading.Event = field(default_factory=threading.Event)


class Intake:
    """Writes events with `record`, and tells `noticed` which boards were newly marked.

    `record` answers for each event whether it was new, or raises BoardliftError, which goes to `failed`. An answer is
    given within `patience` seconds, whatever the ledger does; a refused event may still be written later, which does
    no harm.
    """

    def __init__(
        self,
        record: Callable[[Sequence[Touched]], list[bool]],
        noticed: Callable[[Sequence[str]], None],
        failed: Callable[[BoardliftError], None],
        *,
        patience: float = 5.0,
    ) -> None:
        self._record, self._noticed, self._failed = record, noticed, failed
        self._patience = patience
        self._line: queue.Queue[_Waiting | None] = queue.Queue(CAPACITY)
        self._writing_since: float | None = None
        self._thread = threading.Thread(target=self._write, name="intake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        self._line.put(None)
        self._thread.join()

    def put(self, event: Touched) -> Receipt:
        """Have an event written. RECORDED means that it is on disk."""
        if self.stuck:
            return Receipt.REFUSED
        waiting = _Waiting(event)
        try:
            self._line.put_nowait(waiting)
        except queue.Full:
            return Receipt.REFUSED
        waiting.done.wait(self._patience)
        return waiting.receipt

    @property
    def stuck(self) -> bool:
        """Whether the ledger has let one commit wait for longer than anybody should wait for an answer."""
        since = self._writing_since
        return since is not None and time.monotonic() - since > self._patience

    def _write(self) -> None:
        ending = False
        while not ending:
            batch = [self._line.get()]
            while len(batch) < MOST_AT_ONCE:
                try:
                    batch.append(self._line.get_nowait())
                except queue.Empty:
                    break
            ending = None in batch
            self._commit([each for each in batch if each is not None])

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        self._writing_since = time.monotonic()
        try:
            fresh = self._record([each.event for each in batch])
        except BoardliftError as error:
            self._failed(error)
        else:
            for each, new in zip(batch, fresh, strict=True):
                each.receipt = Receipt.RECORDED if new else Receipt.SEEN
            if boards := [each.event.board_id for each, new in zip(batch, fresh, strict=True) if new]:
                self._noticed(boards)
        finally:
            self._writing_since = None
            for each in batch:
                each.done.set()
