"""Going back to kept generations: for good, or for a rehearsal on a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

from boardlift.app.frame import framed
from boardlift.app.opened import Opened
from boardlift.destinations.interface import SwapOutcome
from boardlift.destinations.registry import open_destination
from boardlift.errors import UNCHANGED, BoardliftError, ConfigError, PromotionConflict
from boardlift.ledger import Holder, Run, RunKind, RunStatus
from boardlift.load.rehearse import Rehearsal, bytes_to_copy, rehearsal_namespace, rehearse, shapes_of
from boardlift.load.rollback import Target, choose, roll_back
from boardlift.normalize.planning import replace_of


def make_live_again(
    app: Opened, groups: Sequence[str], number: int | None, *, forward: bool
) -> tuple[list[Target], SwapOutcome]:
    """Make kept generations live again, all in one commit."""
    if not groups:
        raise _nothing_live(app)

    def work(run: Run, _settled: list[str]) -> tuple[list[Target], SwapOutcome]:
        targets = choose(app.destination, groups, number, forward=forward)
        outcome = roll_back(run.id, targets, app.destination, app.ledger)
        app.ledger.finish_run(run.id, RunStatus.SUCCEEDED)
        return targets, outcome

    return framed(app, RunKind.ROLLBACK, "boardlift rollback", work)


def rehearse_rollback(
    app: Opened, groups: Sequence[str], number: int | None, *, forward: bool, announce: Callable[[str, int], None]
) -> Rehearsal:
    """Do a rollback on a copy beside the live tables and compare what comes of it. Nothing live changes.

    `announce` is told, before the first byte is copied, the namespace of the copy and how many bytes there are.
    """
    if not groups:
        raise _nothing_live(app)
    live = app.destination
    namespace = rehearsal_namespace(live)
    holder = Holder.here("boardlift rollback --rehearse")
    with app.ledger.lease(live.identity, app.namespace, holder), live.lease(str(holder)):
        targets = choose(live, groups, number, forward=forward)
        tables = shapes_of(
            targets, lambda group, number: app.ledger.shapes(live.identity, app.namespace, group, number)
        )
        announce(namespace, bytes_to_copy(live, targets))
        ways = {group: replace_of(app.loaded.settings, group, app.ledger.labels(group).get("", "")) for group in groups}
        there = open_destination(app.loaded.destination.reveal(), namespace)
        with closing(there):
            return rehearse(targets, tables, ways, live, there, app.clock)


def stored_groups(app: Opened, wanted: Sequence[str]) -> list[str]:
    """Board ids of the stored table groups with these ids or table names; all of them for none.

    Raises ConfigError for a word that fits nothing, DestinationError when the destination cannot be asked.
    """
    try:
        stored = app.live()
    except BoardliftError as error:
        error.conclude(UNCHANGED)
        raise
    if not wanted:
        return list(stored)
    found = []
    for word in wanted:
        matches = [key for key, g in stored.items() if word in (key, g.tables[0].name)]
        if not matches:
            raise ConfigError(
                f"No table called {word!r} is live in {app.namespace}.",
                hint="`boardlift generations` lists boards and tables",
            )
        found += matches
    return list(dict.fromkeys(found))


def _nothing_live(app: Opened) -> PromotionConflict:
    return PromotionConflict(
        f"No table is live in {app.namespace} of {app.destination.identity}, so there is nothing to roll back. "
        f"{UNCHANGED}",
        hint="run `boardlift sync` first, or name the right file with --config",
    )
