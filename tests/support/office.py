"""People at work on a board while it is read, and what each item has been meanwhile."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from boardlift.sandbox import Account

EDITS = ("rename", "add", "group", "archive", "delete", "away", "restore", "back")


@dataclass(frozen=True)
class Step:
    """Before the `call`-th call, somebody edits the `which`-th item."""

    call: int
    edit: str
    which: int


@dataclass(frozen=True)
class State:
    """An item on the board."""

    name: str
    group: str


class Office:
    """The people at work: they do their steps as calls come in, and remember what each item has been.

    `been` has None among the states of an item that was not on the board at some moment.
    """

    def __init__(self, account: Account, board_id: int, steps: Sequence[Step]) -> None:
        self.account, self.board = account, account.board(board_id)
        self.other = next(board for board in account.boards if board is not self.board)
        self.steps = sorted(steps, key=lambda step: step.call)
        self.been: defaultdict[int, set[State | None]] = defaultdict(set)
        self.calls = 0
        self._removed: list[int] = []
        self._away: list[int] = []
        self._lock = threading.Lock()
        for item, state in self.present().items():
            self.been[item].add(state)

    def present(self) -> dict[int, State]:
        """The items of the board as they are now."""
        board = self.board
        return {board.item_id(place): State(board.name_of(place), board.group_of(place)) for place in board.active()}

    def names(self, item: int) -> set[str]:
        """What an item has been called while it was on the board."""
        return {state.name for state in self.been[item] if state is not None}

    def always(self) -> set[int]:
        """The items that never left."""
        return {item for item, been in self.been.items() if None not in been}

    def work(self) -> None:
        """One more call is on its way."""
        with self._lock:
            self.calls += 1
            while self.steps and self.steps[0].call <= self.calls:
                self._do(self.steps.pop(0))

    def _do(self, step: Step) -> None:
        present = sorted(self.present())
        pool = {"restore": self._removed, "back": self._away, "add": [0]}.get(step.edit, present)
        if not pool:
            return
        _EDITS[step.edit](self, pool[step.which % len(pool)], step.which)
        now = self.present()
        for item in set(now) | set(self.been):
            if item not in self.been:
                self.been[item].add(None)  # it was not there from the beginning
            self.been[item].add(now.get(item))

    def _add(self, _item: int, which: int) -> None:
        self.account.add_items(self.board.id, 1 + which % 3)

    def _rename(self, item: int, _which: int) -> None:
        self.account.rename_item(item, f"renamed before call {self.calls}")

    def _regroup(self, item: int, which: int) -> None:
        self.account.move_item(item, group=self.board.groups[which % len(self.board.groups)].id, touch=which % 2 > 0)

    def _archive(self, item: int, _which: int) -> None:
        self.account.archive_item(item)
        self._removed.append(item)

    def _delete(self, item: int, _which: int) -> None:
        self.account.delete_item(item)
        self._removed.append(item)

    def _move_away(self, item: int, which: int) -> None:
        self.account.move_item(item, board=self.other.id, touch=which % 2 > 0)
        self._away.append(item)

    def _restore(self, item: int, which: int) -> None:
        self.account.restore_item(item, touch=which % 2 > 0)
        self._removed.remove(item)

    def _move_back(self, item: int, which: int) -> None:
        self.account.move_item(item, board=self.board.id, touch=which % 2 > 0)
        self._away.remove(item)


_EDITS: dict[str, Callable[[Office, int, int], None]] = {
    "rename": Office._rename,
    "add": Office._add,
    "group": Office._regroup,
    "archive": Office._archive,
    "delete": Office._delete,
    "away": Office._move_away,
    "restore": Office._restore,
    "back": Office._move_back,
}


class Door(httpx.HTTPTransport):
    """The way to the sandbox; whoever goes through lets the people do their next steps first."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.office.work()
        return super().handle_request(request)
