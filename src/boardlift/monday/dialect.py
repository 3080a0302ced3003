"""Which form of a creation-time filter this account's API takes: found out once, remembered, never relied upon.

The API page "Items page" documents none for instants, and what others found to work contradicts each other. So each
form is tried with questions whose answers are known before it is used: the items made in 1990, of which there are none,
and those made in the second of the board's oldest item, of which that is one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from boardlift.errors import PermissionMissing, QueryRejected, SourceIncomplete, SourceUnavailable, Transient
from boardlift.monday import queries
from boardlift.monday.boards import read_field
from boardlift.monday.chain import BoardPage, present
from boardlift.monday.client import MondayClient, NotReached
from boardlift.monday.queries import ItemsQuery
from boardlift.monday.span import iso, seconds
from boardlift.spool.page import created_at, item_number

CREATION = "__creation_log__"
"""The pseudo column every board has (the sibling of that on API page "Last updated")."""
_KEY = "creation filter"
_NEWEST = "creation filter, newest changes first"
_REFUSED = "refused"
_DAY = 86_400


class FilterIgnored(SourceIncomplete, Transient):
    """Items came that the filter asked for cannot have let through."""


class Memory(Protocol):
    """What was found out about an account and shall not be asked again."""

    def recall(self, key: str) -> str:
        """The text kept under a key; empty when there is none."""
        ...

    def keep(self, key: str, value: str) -> None: ...


class NoMemory:
    """Forgets everything."""

    def recall(self, key: str) -> str:  # noqa: ARG002
        return ""

    def keep(self, key: str, value: str) -> None:
        pass


@dataclass(frozen=True)
class RangeForm:
    """One way to ask for the items created from `since` on and before `until`; either may be empty.

    `margin` is how many seconds before and after that it may let through; what is further off shows that it does not
    filter.
    """

    name: str
    rule: Callable[[str, str], dict[str, object]]
    margin: int


def _between(since: str, until: str) -> dict[str, object]:
    # Whether the ends are within is not documented; a second more on each side costs nothing.
    first = iso(seconds(since) - 1) if since else "1970-01-02T00:00:00Z"
    last = iso(seconds(until) + 1) if until else "2199-12-31T00:00:00Z"
    return {"column_id": CREATION, "operator": "between", "compare_value": [first, last]}


def _between_attribute(since: str, until: str) -> dict[str, object]:
    return {**_between(since, until), "compare_attribute": "CREATED_AT"}


def _days(since: str, until: str) -> dict[str, object]:
    # Days are those of the token owner's time zone, up to fourteen hours from UTC.
    first = iso(seconds(since) - _DAY)[:10] if since else "1970-01-02"
    last = iso(seconds(until) + _DAY)[:10] if until else "2199-12-31"
    return {
        "column_id": CREATION,
        "operator": "between",
        "compare_value": [first, last],
        "compare_attribute": "CREATED_AT",
    }


FORMS = (
    RangeForm("instants with attribute", _between_attribute, _DAY),
    RangeForm("instants", _between, _DAY),
    RangeForm("days", _days, 3 * _DAY),
)
"""In the order tried: the nearest to what is documented for the sibling column first; days read more than is asked."""


class Dialect:
    """What one account's API was found to take. Safe to share among threads."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or NoMemory()
        self._lock = threading.Lock()
        self._known = False
        self._form: RangeForm | None = None

    def form(self, client: MondayClient, board_id: str) -> RangeForm | None:
        """The form to use, None when the API takes none. The first to ask finds out, with two calls and one a form."""
        with self._lock:
            if not self._known:
                self._form = self._recalled() or self._found(client, board_id)
                self._known = True
            return self._form

    @property
    def current(self) -> RangeForm | None:
        """The form to use as far as it is known by now; asks nobody."""
        return self._form

    @property
    def of_instants(self) -> RangeForm | None:
        """A form that takes instants and with which the newest changes come first, as far as this run or an earlier one
        found out; asks nobody."""
        with self._lock:
            form = self._form if self._known else self._recalled()
            exact = form is not None and form.margin <= _DAY
            return form if exact and self._memory.recall(_NEWEST) != _REFUSED else None

    def newest_refused(self) -> None:
        """A range did not go together with the newest changes first: that is not asked for again."""
        with self._lock:
            self._memory.keep(_NEWEST, _REFUSED)

    def refused(self, form: RangeForm) -> None:
        """A form that had worked was refused or did not filter: it is not used again."""
        with self._lock:
            if self._form == form:
                self._form = None
            self._memory.keep(_KEY, "")

    def _recalled(self) -> RangeForm | None:
        name = self._memory.recall(_KEY)
        return next((form for form in FORMS if form.name == name), None)

    def _found(self, client: MondayClient, board_id: str) -> RangeForm | None:
        for form in FORMS:
            if self._works(client, board_id, form):
                self._memory.keep(_KEY, form.name)
                return form
        return None

    def _works(self, client: MondayClient, board_id: str, form: RangeForm) -> bool:
        """An API that ignores the rule gives an item, one that knows it gives none: nothing on monday is that old."""
        rule = form.rule("1990-01-01T00:00:00Z", "1990-12-31T00:00:00Z")
        try:
            answer = client.send(queries.probe_items(board_id, ItemsQuery(rules=(rule,), order=((CREATION, "asc"),))))
        except NotReached:
            raise
        except (PermissionMissing, QueryRejected, SourceUnavailable):
            return False
        boards = read_field(answer, "boards", list[BoardPage | None]) or []
        page = boards[0].items_page if boards and boards[0] else None
        ignored = page is None or bool(page.items) or bool(answer.errors)
        return not ignored and self._finds_the_oldest(client, board_id, form)

    def _finds_the_oldest(self, client: MondayClient, board_id: str, form: RangeForm) -> bool:
        """Whether a range of its second lets the oldest item through: one that is shifted, or narrow, loses items."""
        try:
            oldest = _first_item(client, board_id)
            if oldest is None:
                return False
            at = created_at(oldest)
            found = _first_item(client, board_id, form.rule(at, at))
        except NotReached:
            raise
        except (QueryRejected, SourceUnavailable):
            return False
        return found is not None and item_number(found) == item_number(oldest)


def _first_item(client: MondayClient, board_id: str, *rules: dict[str, object]) -> msgspec.Raw | None:
    """The item made first of those that the rules let through."""
    answer = client.send(queries.probe_items(board_id, ItemsQuery(rules=rules, order=((CREATION, "asc"),))))
    boards = read_field(answer, "boards", list[BoardPage | None]) or []
    page = boards[0].items_page if boards and boards[0] else None
    items = present(page.items) if page else []
    return items[0] if items else None
