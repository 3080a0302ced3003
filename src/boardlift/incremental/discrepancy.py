"""The answer to a count that does not fit: whether people changed a board while it was read, or an item was lost.

First the log names who may have come or gone, and those are asked for by id; if what was read, plus who came, less who
went is what monday counts now, all is explained. Otherwise the ids of the whole board are read once more and compared
with those that were read. Whatever is on the board and was not read is read by id on the way, whoever's fault it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from boardlift.errors import SourceError, SourceIncomplete
from boardlift.incremental.ids import Ids
from boardlift.incremental.sweep import THIN, too_many
from boardlift.incremental.tools import Tools
from boardlift.monday.blame import concerns_a_board
from boardlift.monday.boards import read_counts
from boardlift.monday.by_id import Fate, Standing, fetch, settle
from boardlift.monday.events import BoardFailed
from boardlift.monday.hints import Glance, LogEvent, glance
from boardlift.monday.parallel import read_in_parallel
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.items import open_engine
from boardlift.spool.run import SpoolRun
from boardlift.spool.window import Window
from boardlift.words import count

MARGIN = timedelta(seconds=60)
"""The log is asked from so long before reading began: it lags, and whoever it names is only asked for."""
_SAME = timedelta(seconds=5)
"""Monday's times are whole seconds, of several clocks."""
_SWEEPS = 2
_LOOKS = 3
_LOOKS_AT_WORK = 20
"""Where people keep working, so many looks are worth a moment in which nobody does."""
_LOOKS_ALIKE = 5
"""The log lags: a board is at rest when so many looks have found nothing new."""
_PAUSE = 1.0
"""Seconds between two looks: events enter the log a moment after the count has moved."""


@dataclass(frozen=True)
class Counted:
    """A board that was read in full: how many items came, and what monday counted before and after."""

    plan: BoardPlan
    received: int
    before: int | None
    after: int | None

    @property
    def fits(self) -> bool:
        """Whether nothing has to be explained. A count that moved must be, even if what came lies in between."""
        counts = [count for count in (self.before, self.after) if count is not None]
        if self.plan.board.is_multi_level:  # monday counts its top level only
            return not counts or self.received >= min(counts)
        return all(count == self.received for count in counts)


@dataclass
class Answer:
    """What came of it. `windows` hold `items` items that are on the board and had not been read, one row each.

    `explained` is None when monday could not be asked. `sentences` say what was found.
    """

    windows: list[Window] = field(default_factory=list)
    items: int = 0
    explained: bool | None = False
    sentences: list[str] = field(default_factory=list)


def explain(tools: Tools, boards: Sequence[Counted]) -> dict[str, Answer]:
    """The answer for each board whose count does not fit. Costs nothing when all fit, and mostly one call and a few.

    Raises what concerns the whole account: a spent quota, a refused token, no network.
    """
    cases = [_Case(tools, board) for board in boards if not board.fits]
    if not cases:
        return {}
    tools.progress.phase("comparing counts", count(len(cases), "board"))
    seen = glance(tools.client, {case.key: case.since for case in cases})
    left = [case for case in cases if not case.by_the_log(seen.get(case.key))]
    for number in range(1, _SWEEPS + 1):
        if left:
            left = _sweep(tools, left, f"again{number}")
    for case in cases:
        case.conclude()
    return {case.key: case.answer for case in cases}


def _sweep(tools: Tools, cases: Sequence[_Case], name: str) -> list[_Case]:
    """Read all ids of these boards and compare. out: the cases that are not explained even so."""
    spool = SpoolRun.open(tools.spool.folder, name, clock=tools.clock)
    since = tools.client.now() - MARGIN
    wanted = [(case.counted.plan.board, THIN) for case in cases]
    failed: dict[str, SourceError] = {}
    reading = read_in_parallel(
        tools.client, wanted, spool, manner=tools.manner, progress=tools.progress, dialect=tools.dialect
    )
    with reading as events:
        failed.update((event.board_id, event.error) for event in events if isinstance(event, BoardFailed))
    left = []
    for case in cases:
        if case.key in failed:
            case.unanswered(failed[case.key])
        elif not case.by_the_ids(spool.windows(case.key), since):
            left.append(case)
    return left


class _Case:
    """One board whose count does not fit. `added` were read by id on the way, with their times of change; `gone` were
    read and are not there now."""

    def __init__(self, tools: Tools, counted: Counted) -> None:
        self.tools, self.counted = tools, counted
        self.key = counted.plan.key
        self.began = tools.spool.began_at(self.key) or tools.client.now()
        # The count before was asked for when the run was planned, a moment before its spool was opened.
        planned = tools.client.now() - (tools.clock.now() - datetime.fromisoformat(tools.spool.manifest.started_at))
        self.since = min(self.began, planned) - MARGIN
        self.answer = Answer()
        self._read = tools.spool.windows(self.key)
        self._rows = counted.received
        self._added: dict[int, datetime] = {}
        self._gone: dict[int, Standing] = {}
        self._named: set[int] = set()
        self._heeded: set[LogEvent] = set()
        self._counts: list[int] = []
        self._alike = 0

    def by_the_log(self, seen: Glance | None) -> bool:
        """Whether nothing more is to be done, after those that the log names were asked for."""
        with self._ids(()) as ids:
            self._rows = ids.live_count
            if self._rows != self.counted.received:  # no two rows may be of one item: nothing can be added to that
                self.answer.sentences = [f"{count(self.counted.received - self._rows, 'item')} came twice"]
                return True
            if seen is None or seen.doubt or too_many(len(seen.moved), self._rows):
                return False
            return self._asked(lambda: self._look(ids, seen, most=_LOOKS, by_log=True))

    def by_the_ids(self, swept: Sequence[Window], since: datetime) -> bool:
        """Whether nothing more is to be done, after all ids were read since then and those that differ were asked
        for."""
        self.since = since
        self._alike = 0
        self._heeded.clear()
        self._counts.clear()
        with self._ids(swept) as ids:
            missing = {*ids.vanished(), *(self._added.keys() - set(ids.present(self._added.keys())))}
            unread = set(ids.appeared()) - self._added.keys()
            back = set(ids.present(self._gone.keys()))
            if too_many(len(unread), ids.count):
                self.answer.sentences = [f"{len(unread):,} of {count(ids.count, 'item')} did not come with its pages"]
                return True

            def compare() -> bool:
                self._ask(ids, missing | unread | back)
                seen = self._glance()
                if seen is None or seen.doubt:
                    return self._look_without_log(ids, seen)
                return self._look(ids, seen, most=_LOOKS_AT_WORK) or self._never_at_rest()

            return self._asked(compare)

    def unanswered(self, error: SourceError) -> None:
        """Monday cannot be asked about this board."""
        self.answer.explained = None
        self.answer.sentences = [f"monday could not be asked what happened meanwhile: {error.message.rstrip('.')}"]

    def conclude(self) -> None:
        """Say what was found, and enter it in the manifest."""
        told = [*self._added_told(), *self._gone_told()]
        if self.answer.explained is False and not self.answer.sentences:
            told.append(f"{count(self._present, 'item')} can be found, and monday counts {self._counts[-1]:,}")
        elif not told and not self.answer.sentences:
            told.append(f"{count(self._present, 'item')} can be found now, and all were read")
        self.answer.sentences = [*told, *self.answer.sentences]
        self.answer.items = len(self._added)
        self.tools.spool.settle(self.key, self.answer.sentences)

    # -- asking ------------------------------------------------------------------------------------------------------

    def _asked(self, work: Callable[[], bool]) -> bool:
        try:
            self.answer.explained = work()
        except SourceError as error:
            if not concerns_a_board(error):
                raise
            self.unanswered(error)
        return self.answer.explained is not False

    def _look(self, ids: Ids, seen: Glance | None, *, most: int, by_log: bool = False) -> bool:
        """Ask for those that the log names until the count fits, and nothing new is found by a further look.

        Without that look, an item that comes while others are asked for could stand in for one that was lost. `by_log`:
        nothing but the log tells who came and left, so it has to account for the count's way from before the reading.
        """
        last: tuple[object, object] | None = None
        for look in range(most):
            number, seen = self._again(seen, look)
            self._alike = self._alike + 1 if last == (number, seen.moves) else 0
            last = number, seen.moves
            self._heed(ids, seen)
            settled = self._alike or not seen.moves
            if settled and self._fits([number]) and (not by_log or self._accounted(ids, number)):
                return True
            if self._alike >= _LOOKS_ALIKE:
                break
        return False

    def _look_without_log(self, ids: Ids, seen: Glance | None) -> bool:
        """The like where the log is not to be had, or not understood: a count that moves meanwhile is a range."""
        for look in range(_LOOKS):
            _, seen = self._again(seen, look)
            self._heed(ids, seen)
            if self._fits(self._counts[-2:]):
                return True
        return False

    def _never_at_rest(self) -> bool:
        """Whether people worked on the board up to the last look, so that its count cannot be had more exactly."""
        if self._alike >= _LOOKS_ALIKE or not self._fits(self._counts):
            return False
        least, most = min(self._counts), max(self._counts)
        self.answer.sentences = [f"people worked on it all the while: {least:,} to {count(most, 'item')} counted"]
        return True

    def _again(self, seen: Glance | None, look: int) -> tuple[int, Glance]:
        """Count and log: `seen` at the first look, at the others as they are after a pause."""
        if look:
            self.tools.clock.sleep(_PAUSE)
            seen = self._glance()
        if seen is None or seen.items_count is None:
            raise SourceIncomplete("monday does not count its items now")
        self._counts.append(seen.items_count)
        return seen.items_count, seen

    def _heed(self, ids: Ids, seen: Glance) -> None:
        """Ask for those that moved since the look before. Where they are too many, the count has to fit without."""
        new = [event for event in seen.moves if event not in self._heeded]
        moved = {item for event in new for item in event.items}
        if not too_many(len(moved), self._rows):
            self._heeded.update(new)
            self._named |= moved
            self._ask(ids, moved)

    def _accounted(self, ids: Ids, number: int) -> bool:
        """Whether the log names as many who may have come, or left, as the count has moved by. Else it lags."""
        if self.counted.before is None or self.counted.plan.board.is_multi_level:
            return True
        read = set(ids.known(self._named)) - self._gone.keys()
        here = len(read | (self._added.keys() & self._named))
        return here - len(self._named) <= number - self.counted.before <= here

    def _fits(self, counts: Sequence[int]) -> bool:
        """Whether as many items as are known to be there lie within these counts."""
        if self.counted.plan.board.is_multi_level:  # monday counts its top level only
            return min(counts) <= self._present
        return min(counts) <= self._present <= max(counts)

    def _glance(self) -> Glance | None:
        """Count and log now; the count alone where there is no log to be had."""
        seen = glance(self.tools.client, {self.key: self.since}).get(self.key)
        if seen is not None:
            return seen
        for counted in read_counts(self.tools.client, [self.key]):
            return Glance(self.key, counted.items_count, None, (), complete=False)
        return None

    def _ask(self, ids: Ids, wanted: Collection[int]) -> None:
        """What became of these items that were read; the others, where they are on the board, in full."""
        plan, known = self.counted.plan, {*ids.known(wanted), *(self._added.keys() & set(wanted))}
        for item, standing in settle(self.tools.client, plan.board, known).items():
            if standing.fate is Fate.HERE:
                self._gone.pop(item, None)
            else:
                self._gone[item] = standing
        fetched = fetch(self.tools.client, plan.board, plan.selection, self.tools.spool, set(wanted) - known)
        self.answer.windows += fetched.windows
        self._added |= fetched.items

    @property
    def _present(self) -> int:
        return self._rows + len(self._added) - len(self._gone)

    @contextmanager
    def _ids(self, swept: Sequence[Window]) -> Iterator[Ids]:
        """The items that were read (`here`) beside those of a sweep (`there`)."""
        engine = open_engine(self.tools.spool.folder / "scratch")
        try:
            ids = Ids(engine)
            ids.take_windows(self._read, "here")
            ids.take_windows(swept)
            yield ids
        finally:
            engine.close()

    # -- telling -----------------------------------------------------------------------------------------------------

    def _added_told(self) -> Iterator[str]:
        came = {item for item, at in self._added.items() if at >= self.began - _SAME or item in self._named}
        if came:
            yield f"{count(len(came), 'item')} came meanwhile (read by id)"
        if lost := len(self._added) - len(came):
            yield f"{count(lost, 'item')} did not come with its pages although on the board (read by id)"

    def _gone_told(self) -> Iterator[str]:
        if self._gone:
            fates = Counter(standing.fate.value for standing in self._gone.values())
            told = ", ".join(f"{number} {fate}" for fate, number in sorted(fates.items()))
            yield f"{count(len(self._gone), 'item')} left after the reading ({told})"
