"""The parts of one command, constructed as boardlift.yaml says."""

from __future__ import annotations

import re
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from boardlift.clock import Clock, SystemClock
from boardlift.destinations.interface import Destination, Generation, State
from boardlift.destinations.registry import open_destination
from boardlift.ledger import Ledger
from boardlift.monday.client import MondayClient
from boardlift.progress import Progress, Silent
from boardlift.settings import Loaded
from boardlift.sharing import AccountReader, open_client
from boardlift.spool.run import SpoolRun

TEST_ITEMS = 500
"""Items per board in test mode."""


class Opened:
    """The parts of one command, opened when first used and closed together."""

    def __init__(
        self, loaded: Loaded, *, test: bool = False, clock: Clock | None = None, progress: Progress | None = None
    ) -> None:
        self.loaded = loaded
        self.clock: Clock = clock or SystemClock()
        self.progress: Progress = progress or Silent()
        self.namespace = f"{loaded.settings.namespace}_test" if test else loaded.settings.namespace
        self.test = test
        self._open = ExitStack()
        self.spool: SpoolRun | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def limit(self) -> int | None:
        """How many items of each board are read, None for all."""
        return TEST_ITEMS if self.test else None

    @cached_property
    def client(self) -> MondayClient:
        return self._open.enter_context(open_client(self.loaded, self.clock, self.progress))

    @cached_property
    def destination(self) -> Destination:
        destination = open_destination(self.loaded.destination.reveal(), self.namespace)
        self._open.callback(destination.close)
        return destination

    @cached_property
    def ledger(self) -> Ledger:
        return self._open.enter_context(Ledger.open(self.loaded.state_folder / "ledger.sqlite", self.clock))

    def place(self, table: str) -> str:
        """A live table as a person names it, without quotes: the names that boardlift gives need none."""
        return re.sub(r'["`\[\]]', "", self.destination.address(table))

    @cached_property
    def account(self) -> AccountReader:
        """The account as all its readers share it, from the first use until the app is closed."""
        reader = AccountReader(self.client, self.ledger, self.clock, self.progress, self.loaded, self.limit)
        self._open.callback(self.client.budget.close)
        return reader

    def live(self) -> dict[str, Generation]:
        """The live generation of each table group, by board id."""
        return {g.group: g for g in self.destination.generations() if g.state is State.LIVE}
