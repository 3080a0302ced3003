"""A whole listener put together: ledger, intake, web server, loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from boardlift.app import App
from boardlift.errors import BoardliftError
from boardlift.ledger import Ledger
from boardlift.listen.guard import Guard
from boardlift.listen.intake import Intake
from boardlift.listen.listener import Listener, Rhythm
from boardlift.listen.status import Status
from boardlift.listen.web import Application, Server
from boardlift.reports import RunReport

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


class KnownBoards:
    """The boards an event may speak of: those named in boardlift.yaml, and those that have had a table.

    A connection of its own lets it be asked while the ledger is being written, or cannot be.
    """

    def __init__(self, ledger: Ledger, named: Iterable[str]) -> None:
        self._ledger = ledger
        self._known = set(named)
        self._ignored: set[str] = set()

    def ignore(self, board_id: str) -> None:
        """The board turned out not to be chosen by boardlift.yaml; its events count for nothing from now on."""
        self._ignored.add(board_id)

    def any(self) -> bool:
        return bool(self._known or self._ledger.bound_tables())

    def __call__(self, board_id: str) -> bool:
        if board_id in self._ignored:
            return False
        if board_id in self._known:
            return True
        if self._ledger.knows_board(board_id):
            self._known.add(board_id)
            return True
        return False


def listen(
    open_app: Callable[[], App],
    guard: Guard,
    address: tuple[str, int],
    rhythm: Rhythm,
    log: FilteringBoundLogger,
    *,
    patience: float = 5.0,
) -> None:
    """Receive webhooks and sync until interrupted, which is raised as KeyboardInterrupt or Interrupted.

    `open_app` makes the app of one run: between runs the database and its file belong to others. `address` is a host
    and a port; `patience` how many seconds a request may wait for the ledger.
    Raises ConfigError when the address or the ledger cannot be used.
    """
    with open_app() as app:
        place = (app.destination.identity, app.namespace)
        clock, settings = app.clock, app.loaded.settings
        path = app.loaded.state_folder / "ledger.sqlite"

    def sync(boards: Sequence[str]) -> RunReport:
        with open_app() as app:
            return app.sync(boards)

    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(path, clock))
        known = KnownBoards(
            stack.enter_context(Ledger.open(path, clock)),
            (str(board.id) for board in settings.boards if board.id is not None),
        )
        status = Status(clock)
        listener = Listener(ledger, place, sync, known.ignore, rhythm=rhythm, clock=clock, status=status, log=log)

        def failed(error: BoardliftError) -> None:
            status.ledger_failed()
            log.warning("ledger_failed", error=error.message)

        intake = Intake(listener.record, listener.noticed, failed, patience=patience)
        intake.start()
        stack.callback(intake.stop)
        server = stack.enter_context(Server(Application(guard, intake, status, known, log), *address))
        log.info("listening", host=address[0], port=server.port, admits=guard.way, destination=place[0])
        if rhythm.every is None and not known.any():
            log.warning("no_board_known", hint="run `boardlift sync` once; until then no event has a board of ours")
        listener.run()
