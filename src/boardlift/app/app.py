"""What boardlift does, a verb each, on parts that are opened when first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from boardlift.app.checking import check_tables
from boardlift.app.opened import Opened
from boardlift.app.planning import part_of, plan_sync
from boardlift.app.rollback import make_live_again, rehearse_rollback, stored_groups
from boardlift.app.syncing import Wish, sync_boards
from boardlift.destinations.interface import SwapOutcome
from boardlift.errors import CheckResult
from boardlift.load.commits import count_commits, pace_of
from boardlift.load.rehearse import Rehearsal
from boardlift.load.rollback import Target
from boardlift.normalize.boards import BoardPlan
from boardlift.projection import Projection
from boardlift.reports import BoardReport, RunReport


class App(Opened):
    """One command's work, with its parts."""

    def plan(self, wanted: Sequence[str] = ()) -> list[BoardReport]:
        """What a sync of these boards would do. Changes nothing, neither here nor there."""
        return plan_sync(self, wanted)

    def project(self, plans: Sequence[BoardPlan], known: Mapping[str, tuple[int, int]] | None = None) -> Projection:
        """What reading these boards will cost, from here on; `known` are calls and points by board id."""
        return self.account.project(plans, known or {})

    def commits(self, reports: Sequence[BoardReport]) -> int:
        """About how many commits a sync of these boards would take."""
        parts = [part_of(report) for report in reports]
        return count_commits(parts, self.destination, pace_of(self.destination, self.ledger))

    def sync(
        self,
        wanted: Sequence[str] = (),
        overrides: Mapping[str, str] | None = None,
        *,
        fit: bool = False,
        full: bool = False,
    ) -> RunReport:
        """Bring the boards over and make them live in one commit. On any failure production is unchanged.

        `full` has incremental boards read in full, too. A board that cannot be read is told in the report and stays as
        it is. Raises DailyLimitReached, before the first page, when today's calls do not suffice; with `fit` only when
        they suffice for no board, else those that do not fit are left out.
        """
        return sync_boards(self, Wish(tuple(wanted), overrides or {}, fit, full))

    def check(self, wanted: Sequence[str] = ()) -> list[CheckResult]:
        """Hold every live table against the catalogue and against monday. Changes nothing."""
        return check_tables(self, wanted)

    def groups(self, wanted: Sequence[str]) -> list[str]:
        """Board ids of the stored table groups with these ids or table names; all of them for none.

        Raises ConfigError for a word that fits nothing.
        """
        return stored_groups(self, wanted)

    def rollback(self, groups: Sequence[str], number: int | None, *, forward: bool) -> tuple[list[Target], SwapOutcome]:
        """Make kept generations live again, all in one commit."""
        return make_live_again(self, groups, number, forward=forward)

    def rehearse(
        self, groups: Sequence[str], number: int | None, *, forward: bool, announce: Callable[[str, int], None]
    ) -> Rehearsal:
        """Do a rollback on a copy beside the live tables and compare what comes of it. Nothing live changes.

        `announce` is told, before the first byte is copied, the namespace of the copy and how many bytes there are.
        """
        return rehearse_rollback(self, groups, number, forward=forward, announce=announce)

    def sizes(self) -> dict[tuple[str, int], int]:
        """Bytes of each stored generation; empty before the first run."""
        return self.destination.sizes() if self.destination.generations() else {}
