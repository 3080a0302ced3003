"""Before the boards of a run are read: which have not changed, which are read by their changes, which in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from boardlift.destinations.interface import Generation
from boardlift.errors import SourceError
from boardlift.incremental.changes import Changes, is_quiet, read_changes
from boardlift.incremental.decide import Policy, ReadAll, Resume, decide
from boardlift.incremental.live import count_rows
from boardlift.incremental.slicing import slices_of
from boardlift.incremental.sweep import sweep
from boardlift.incremental.tools import Tools
from boardlift.ledger import Watermark
from boardlift.monday.blame import concerns_a_board
from boardlift.monday.boards import read_counts
from boardlift.monday.hints import Glance, glance
from boardlift.monday.threads import beside, in_threads
from boardlift.normalize.boards import BoardPlan
from boardlift.words import count

Meanwhile = Callable[[Sequence[Changes]], None]


@dataclass
class Survey:
    """How each board of a run is brought over: every one is in exactly one of `full`, `changed` and `unchanged`.

    `full` has the reason of each board, empty for one that is always read so. `begun` is monday's own time before
    anything was asked, None when monday does not tell it, `started` the same moment by our clock; `glances` are what
    was seen then.
    """

    begun: datetime | None = None
    started: datetime | None = None
    full: dict[str, str] = field(default_factory=dict)
    changed: dict[str, Changes] = field(default_factory=dict)
    unchanged: dict[str, Changes] = field(default_factory=dict)
    glances: dict[str, Glance] = field(default_factory=dict)


def everything(plans: Sequence[BoardPlan]) -> Survey:
    """All boards in full, and none remembered: for test mode."""
    return Survey(full={plan.key: "" for plan in plans})


def survey(
    plans: Sequence[BoardPlan],
    live: Mapping[str, Generation],
    marks: Mapping[str, Watermark],
    tools: Tools,
    policy: Policy,
    hinted: Mapping[str, frozenset[int]],
    meanwhile: Meanwhile = lambda _: None,
) -> Survey:
    """Decide for each board, and read what has changed on those that are read so.

    in: `hinted`, items that webhooks told of, by board id: monday's log may not know of them yet; `meanwhile`, what to
    do with the boards whose changes are being read, of which nothing is known yet but what the log names.
    raised: what reading raises; a board that monday does not explain is read in full instead.
    """
    found = Survey(begun=tools.client.server_time, started=tools.clock.now())
    resumed: list[tuple[BoardPlan, Resume]] = []
    since = {}
    for plan in plans:
        way = decide(plan, live.get(plan.key), marks.get(plan.key), tools.clock.now(), policy)
        if isinstance(way, Resume) and found.begun is not None:
            resumed.append((plan, way))
            since[plan.key] = way.since
        else:
            found.full[plan.key] = way.reason if isinstance(way, ReadAll) else "monday does not tell the time"
        if plan.incremental and found.begun is not None:
            since.setdefault(plan.key, found.begun - policy.overlap)
    found.glances = glance(tools.client, since) if since else {}
    _resume(found, resumed, tools, hinted, meanwhile)
    return found


def _resume(
    found: Survey,
    resumed: Sequence[tuple[BoardPlan, Resume]],
    tools: Tools,
    hinted: Mapping[str, frozenset[int]],
    meanwhile: Meanwhile,
) -> None:
    for plan, resume in resumed:
        seen, told = found.glances.get(plan.key), hinted.get(plan.key, frozenset())
        if seen is None:
            found.full[plan.key] = "monday did not tell what has happened to it"
        elif is_quiet(seen, resume) and not resume.restage and not told:
            found.unchanged[plan.key] = Changes(plan, resume, seen)
        elif count_rows(tools.destination, resume.live.tables[0].name) != resume.live.rows:
            found.full[plan.key] = "somebody else has added or removed rows of its live table"
        else:
            found.changed[plan.key] = Changes(plan, resume, seen, told)
    if found.begun is not None:
        _read(found, found.begun, tools, meanwhile)
    _explain(found, tools)
    sweeping = [each for each in found.changed.values() if each.unexplained or each.resume.sweep_due]
    quiet = [each for each in found.unchanged.values() if each.resume.sweep_due]
    for each in quiet:
        found.changed[each.plan.key] = found.unchanged.pop(each.plan.key)
    if sweeping or quiet:
        for key, reason in sweep(tools, [*sweeping, *quiet]).items():
            del found.changed[key]
            found.full[key] = reason
        _explain(found, tools)
    for key, each in list(found.changed.items()):
        if each.unexplained:
            found.full[key] = f"its changes do not explain its {each.unexplained}"
            del found.changed[key]
        elif each.nothing:
            found.unchanged[key] = found.changed.pop(key)


def _read(found: Survey, begun: datetime, tools: Tools, meanwhile: Meanwhile) -> None:
    """Read the changes of all changed boards, several at a time."""
    waiting = list(found.changed.values())
    if not waiting:
        return
    tools.progress.phase("reading changes", count(len(waiting), "board"))

    def read(each: Changes) -> Changes | str:
        try:
            return read_changes(tools, each, begun, slices[each.plan.key])
        except SourceError as error:
            if not concerns_a_board(error):
                raise
            return error.message.rstrip(".")

    # The destination is asked and filled by this thread alone.
    slices = {each.plan.key: slices_of(each, tools, tools.manner.threads // len(waiting)) for each in waiting}
    try:
        outcomes_of = beside(lambda: in_threads(read, waiting, tools.manner.threads))
        meanwhile(waiting)
        outcomes = outcomes_of()
    except BaseException:
        tools.client.cancel()
        raise
    for each, outcome in zip(waiting, outcomes, strict=True):
        if isinstance(outcome, str):
            found.full[each.plan.key] = outcome
            del found.changed[each.plan.key]
        else:
            outcome.look(tools)
            found.changed[each.plan.key] = outcome


def _explain(found: Survey, tools: Tools) -> None:
    """See whether the counts say what the changes say; what monday counts now is asked only where they do not."""
    doubtful = [
        each for each in found.changed.values() if not each.unexplained and each.expected != each.glance.items_count
    ]
    if not doubtful:
        return
    now = {count.id: count.items_count for count in read_counts(tools.client, [each.plan.key for each in doubtful])}
    for each in doubtful:
        each.counts += [n for n in (each.glance.items_count, now.get(each.plan.key)) if n is not None]
        if not each.counts or not min(each.counts) <= each.expected <= max(each.counts):
            told = (
                " to ".join(f"{n:,}" for n in sorted({min(each.counts), max(each.counts)})) if each.counts else "none"
            )
            each.unexplained = f"count: {count(each.expected, 'item')}, and monday counts {told}"
