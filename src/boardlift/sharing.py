"""One account, many readers: what a client's budget learns from the ledger, and tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from boardlift.clock import Clock
from boardlift.destinations.interface import Generation
from boardlift.ledger import AccountRecord, Holder, Ledger, digest_of
from boardlift.monday.boards import read_opening
from boardlift.monday.budget import Budget
from boardlift.monday.client import MondayClient
from boardlift.monday.queries import item_points
from boardlift.monday.standing import Standing
from boardlift.monday.wire import Answer
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.planning import Planned
from boardlift.progress import Progress
from boardlift.projection import Projection, fitting, points_per_item, project, too_much
from boardlift.settings import Loaded

KNOWN_FOR = timedelta(days=7)
"""After so long the account is asked again for its plan, in the call that lists its boards."""


def open_client(loaded: Loaded, clock: Clock, progress: Progress) -> MondayClient:
    """A client as boardlift.yaml says."""
    account = loaded.settings.account
    return MondayClient(
        account.url,
        loaded.token.reveal(),
        account.api_version,
        clock=clock,
        progress=progress,
        retries=account.retries,
        timeout=account.timeout,
        budget=Budget(
            clock,
            share=account.share,
            calls_per_day=account.calls_per_day,
            most=account.parallel_calls,
            progress=progress,
        ),
    )


@dataclass
class LedgerUse:
    """The processes of one state folder that read one account, told of each other through its ledger."""

    ledger: Ledger
    account_id: str
    holder: str
    _reader: str = field(default="", init=False)

    def beat(self, calls: int) -> Standing:
        """Note that we are alive and have sent `calls` more."""
        if not self._reader:
            self._reader = self.ledger.begin_reading(self.account_id, self.holder)
        self.ledger.add_calls(self.account_id, calls)
        return Standing(max(1, self.ledger.readers(self.account_id)), self.ledger.calls_today(self.account_id))

    def leave(self, calls: int) -> None:
        """Note the last calls, and that we are gone."""
        self.ledger.add_calls(self.account_id, calls)
        if self._reader:
            self.ledger.end_reading(self._reader)
            self._reader = ""


class AccountReader:
    """The account as this process reads it, with the others that do."""

    def __init__(
        self,
        client: MondayClient,
        ledger: Ledger,
        clock: Clock,
        progress: Progress,
        loaded: Loaded,
        limit: int | None,
    ) -> None:
        """`limit` is test mode's number of items per board, None outside of it."""
        self._client, self._ledger, self._clock, self._progress = client, ledger, clock, progress
        self._digest = digest_of(client.url, loaded.token.reveal())
        self._page_size, self._limit = loaded.settings.account.page_size, limit
        self._prefer = loaded.settings.account.prefer
        self._joined = False
        self._listed: Answer | None = None

    def join(self, command: str) -> None:
        """Share the account from now on; give the budget what earlier runs have learnt. Does nothing the second time.

        Raises what a call raises: an account not met before, or not for a week, is asked for its plan.
        """
        if self._joined:
            return
        known, budget = self._ledger.account(self._digest), self._client.budget
        if known is None or self._clock.now() - known.seen_at > KNOWN_FOR:
            known = self._ask()
        budget.know(known.tier, known.calls_per_day)
        if known.at_once:
            budget.start_at(known.at_once, known.seconds_per_call)
        budget.join(LedgerUse(self._ledger, known.account_id, str(Holder.here(command))))
        self._joined = True

    def take_list(self) -> Answer | None:
        """An answer that holds the first page of the list of boards, if joining brought one; once, for it ages."""
        listed, self._listed = self._listed, None
        return listed

    def project(self, plans: Sequence[BoardPlan], known: Mapping[str, tuple[int, int]]) -> Projection:
        """What reading these boards will cost, from here on; `known` are calls and points of some, by id."""
        costs, budget = self._ledger.board_costs(), self._client.budget
        for plan in plans:
            each, measured = points_per_item(plan, costs.get(plan.key))
            if measured:
                budget.expect(plan.key, each / item_points(plan.selection))
        now, page_size = budget.snapshot(), self._page_size
        return project(plans, costs, now, known, page_size=page_size, limit=self._limit, prefer=self._prefer)

    def fitted(
        self,
        planned: Planned,
        live: Mapping[str, Generation],
        known: Mapping[str, tuple[int, int]],
        *,
        fit: bool,
    ) -> tuple[Planned, Projection, tuple[str, ...]]:
        """The boards that can be read today, what they will cost, and the names of those left out.

        Raises DailyLimitReached when one does not fit, with `fit` when none does.
        """
        projection = self.project(planned.boards, known)
        left_out: list[str] = []
        if not projection.fits:
            # What was never lifted comes first, then what is oldest, so that all have their turn.
            order = sorted(
                planned.boards, key=lambda plan: live[plan.key].promoted_at.timestamp() if plan.key in live else 0
            )
            chosen, left_out = fitting(projection, [plan.key for plan in order]) if fit else ([], [])
            if not chosen:
                raise too_much(projection, self._clock.now())
            names = {plan.key: plan.board.name for plan in planned.boards}
            planned = replace(planned, boards=tuple(plan for plan in planned.boards if plan.key in chosen))
            projection, left_out = self.project(planned.boards, known), [names[key] for key in left_out]
        self._progress.phase("projected", str(projection))
        return planned, projection, tuple(left_out)

    def keep_measures(self) -> None:
        """Write what the run has measured, for the next one to begin with."""
        now = self._client.budget.snapshot()
        self._ledger.record_measures(self._digest, now.usable, now.seconds_per_call)

    def _ask(self) -> AccountRecord:
        opening = read_opening(self._client)
        account, self._listed = opening.account, opening.listed
        self._ledger.record_account(self._digest, account.id or self._digest, account.tier, opening.calls_per_day)
        found = self._ledger.account(self._digest)
        assert found is not None
        return found
