"""What has changed on one board since a moment: the items that were read again, and those that have gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from boardlift.errors import QueryRejected
from boardlift.incremental.decide import Resume
from boardlift.incremental.live import LiveRow, rows_of
from boardlift.incremental.tools import Tools
from boardlift.monday.by_id import Fate, Standing, fetch, settle
from boardlift.monday.delta import Delta, NotNewestFirst, read_delta
from boardlift.monday.dialect import FilterIgnored
from boardlift.monday.hints import Glance
from boardlift.monday.isolate import Unreadable
from boardlift.monday.slices import NotSliced, Slice
from boardlift.monday.threads import beside
from boardlift.normalize.boards import BoardPlan
from boardlift.spool.window import Window

ALWAYS = 500
MOST = 0.2
"""Of a board's rows: from this share on a full read is cheaper, which asks for five hundred items a call at several
places at once. So many items, however small the board, are not worth the question."""
SETTLED = timedelta(seconds=30)
"""Monday's times are whole seconds, of several clocks: what changed just before a moment may change again in it."""


@dataclass
class Changes:
    """A board between two generations.

    `hinted` are items that somebody told of, webhooks for one: they are asked for whatever monday's log says.
    `items` were read again, with their times of change, and lie in `windows`; those in `by_id` were asked for, because
    something may be new of them that does not move the time; `unreadable` are cells of them that monday fails on.
    `gone` are not on the board any more. `live` are the rows that the generation before has of both, `known` those of
    any items that were looked for. `counts` is what monday counted meanwhile. `unexplained` says why nobody can be sure
    that this is all; empty when all is explained. `expected` is the number of rows that come of it.
    """

    plan: BoardPlan
    resume: Resume
    glance: Glance
    hinted: frozenset[int] = frozenset()
    windows: list[Window] = field(default_factory=list)
    by_id: set[int] = field(default_factory=set)
    unreadable: list[Unreadable] = field(default_factory=list)
    items: dict[int, datetime] = field(default_factory=dict)
    gone: dict[int, Standing] = field(default_factory=dict)
    live: dict[int, LiveRow] = field(default_factory=dict)
    known: dict[int, LiveRow | None] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    unexplained: str = ""
    swept: bool = False

    @property
    def expected(self) -> int:
        """Rows of the generation that comes of it."""
        return self.resume.live.rows - len(self.live) + len(self.items)

    @property
    def deleted(self) -> list[Standing]:
        """The items that were in the generation before and have gone."""
        return [standing for item, standing in sorted(self.gone.items()) if item in self.live]

    @property
    def added(self) -> int:
        return len(self.items.keys() - self.live.keys())

    @property
    def changed(self) -> int:
        """How many rows of the generation before are of another time; those read again in the overlap are not."""
        known = [(item, at) for item, at in self.items.items() if item in self.live]
        return sum(item in self.by_id or self.live[item].updated_at != at for item, at in known)

    @property
    def nothing(self) -> bool:
        """Whether the generation before holds all of it already, to the second, so that no other one is needed."""
        settled = self.resume.mark.at - SETTLED
        same = all(item in self.live and self.live[item].updated_at == at < settled for item, at in self.items.items())
        return same and not self.by_id and not self.deleted and not self.resume.restage

    @property
    def named(self) -> frozenset[int]:
        """The items that the log or a hint names."""
        return self.glance.mentioned | self.hinted

    def look(self, tools: Tools) -> None:
        """Ask the generation before for its rows of what was read and what has gone."""
        touched = self.items.keys() | self.gone.keys()
        self.look_at(tools, touched)
        self.live = {item: row for item in touched if (row := self.known[item]) is not None}

    def look_at(self, tools: Tools, items: Collection[int]) -> None:
        """Ask it for its rows of these items, but for those known already."""
        unknown = set(items) - self.known.keys()
        rows = rows_of(tools.destination, self.resume.live.tables[0].name, unknown)
        self.known |= {item: rows.get(item) for item in unknown}


def is_quiet(glance: Glance, resume: Resume) -> bool:
    """Whether nothing has happened: the same count, no newer item, no further event, and none of it too fresh."""
    mark = resume.mark
    return (
        glance.items_count == resume.live.rows
        and not glance.doubt
        and glance.newest == mark.newest
        and (glance.newest is None or glance.newest < mark.at - SETTLED)
        and (glance.newest is not None or glance.items_count == 0)
        and mark.events is not None
        and glance.events_since(resume.since) == mark.events
    )


def read_changes(tools: Tools, seen: Changes, begun: datetime, slices: Sequence[Slice] = ()) -> Changes:
    """Read what has changed, newest first, and ask what became of every other item that the log or a hint names.

    in: a board of which nothing has been read yet. Raises NotNewestFirst, SourceIncomplete, and what reading a board
    raises.
    """
    plan, named = seen.plan, seen.named
    found = Changes(plan, seen.resume, seen.glance, seen.hinted, known=seen.known, unexplained=seen.glance.doubt)
    # Those that are probably gone will be among the items to ask for: they are asked for while the pages come.
    away = named & seen.glance.taken_away if tools.manner.prefer != "calls" else frozenset()
    settled = beside(lambda: settle(tools.client, plan.board, away))
    delta = _delta(tools, seen, begun, slices)
    found.windows += delta.windows
    found.items.update(delta.items)
    found.unreadable += delta.unreadable
    standings = settled() | settle(tools.client, plan.board, named - away - delta.items.keys())
    # One that came with the pages was on the board, whatever was said of it a moment before or after: it is read.
    left = {item: standing for item, standing in standings.items() if item not in delta.items}
    found.gone.update({item: standing for item, standing in left.items() if standing.fate is not Fate.HERE})
    # Named by the log, on the board, and not among the changed: an event that does not move the time of change.
    add(tools, found, [item for item, standing in left.items() if standing.fate is Fate.HERE])
    return found


def _delta(tools: Tools, seen: Changes, begun: datetime, slices: Sequence[Slice]) -> Delta:
    """The changed items; in slices if that can be, in one chain if monday does not keep to what slices need."""
    glance = seen.glance

    def read(parts: Sequence[Slice]) -> Delta:
        return read_delta(
            tools.client,
            seen.plan.board,
            seen.plan.selection,
            tools.spool,
            since=seen.resume.since,
            begun=begun,
            expected=len(seen.named - glance.taken_away) if glance.complete else tools.manner.page_size,
            most=most_of(seen.resume.live.rows),
            page_size=tools.manner.page_size,
            progress=tools.progress,
            slices=parts,
        )

    if slices:
        try:
            return read(slices)
        except NotSliced:
            pass
        except (QueryRejected, FilterIgnored, NotNewestFirst):
            tools.dialect.newest_refused()
    return read(())


def add(tools: Tools, found: Changes, ids: list[int]) -> None:
    """Read these items by their ids, too."""
    if not ids:
        return
    fetched = fetch(tools.client, found.plan.board, found.plan.selection, tools.spool, ids)
    found.windows += fetched.windows
    found.items.update(fetched.items)
    found.by_id.update(fetched.items)
    found.unreadable += fetched.unreadable
    found.gone.update(fetched.gone)


def most_of(rows: int) -> int:
    """Of so many rows, how many may differ before a full read is the better way."""
    return max(ALWAYS, int(MOST * rows))
