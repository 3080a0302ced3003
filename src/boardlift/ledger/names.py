"""The name registry: a physical name belongs to monday's id for ever, whatever happens to the title."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from boardlift.errors import BoardliftError
from boardlift.ledger.records import Label
from boardlift.ledger.store import Part

ColumnKey = tuple[str, str]  # column id, facet
TableKey = tuple[str, str, str]  # board id, column id or "", facet


class _Scope(Enum):
    COLUMN = "column"
    TABLE = "table"


@dataclass(frozen=True)
class _Name:
    board_id: str
    column_id: str
    facet: str
    name: str

    @property
    def key(self) -> TableKey:
        return (self.board_id, self.column_id, self.facet)


class Names(Part):
    """The chapter of names and titles."""

    def bound_columns(self, board_id: str) -> dict[ColumnKey, str]:
        """The column names of a board by (column id, facet), in the order they were bound."""
        return {key[1:]: name for key, name in self._names(_Scope.COLUMN, board_id).items()}

    def bound_tables(self) -> dict[TableKey, str]:
        """All table names by (board id, column id or "", facet), in the order they were bound."""
        return self._names(_Scope.TABLE)

    def bind_columns(self, board_id: str, names: Mapping[ColumnKey, str]) -> None:
        """Bind names to columns of a board; all or none. What is bound to the same name already stays as it is.

        Raises BoardliftError when a key is bound to another name, or a name to another key of the board.
        """
        self._bind(_Scope.COLUMN, {(board_id, *key): name for key, name in names.items()})

    def bind_tables(self, names: Mapping[TableKey, str]) -> None:
        """Bind names to tables, distinct over all boards; otherwise like `bind_columns`."""
        self._bind(_Scope.TABLE, names)

    def rebind_columns(self, board_id: str, names: Mapping[ColumnKey, str], reason: str) -> None:
        """Give bound columns other names, because a person says so; names may be exchanged. History keeps the `reason`.

        Raises ValueError without a reason, BoardliftError when a name belongs to another key of the board.
        """
        self._rebind(_Scope.COLUMN, {(board_id, *key): name for key, name in names.items()}, reason)

    def rebind_tables(self, names: Mapping[TableKey, str], reason: str) -> None:
        """Give bound tables other names; see `rebind_columns`."""
        self._rebind(_Scope.TABLE, names, reason)

    def record_labels(self, board_id: str, titles: Mapping[str, str]) -> None:
        """Note the titles now seen, by column id ("" is the board itself). Only a change is added to the history."""
        at = self._clock.now()
        with self._store.transaction():
            for column_id, title in titles.items():
                self._store.change("see_label", board_id=board_id, column_id=column_id, title=title, at=at)

    def labels(self, board_id: str) -> dict[str, str]:
        """The latest title of each column of a board, and of the board itself under ""."""
        return {label.column_id: label.title for label in self.label_history(board_id)}

    def label_history(self, board_id: str) -> list[Label]:
        """Every title ever seen on a board, oldest first."""
        return self._store.rows("list_labels", Label, board_id=board_id)

    def _names(self, scope: _Scope, board_id: str = "") -> dict[TableKey, str]:
        match scope:
            case _Scope.COLUMN:
                found = self._store.rows("list_column_names", _Name, board_id=board_id)
            case _Scope.TABLE:
                found = self._store.rows("list_table_names", _Name)
        return {row.key: row.name for row in found}

    def _bind(self, scope: _Scope, names: Mapping[TableKey, str]) -> None:
        with self._store.transaction():
            bound = self._bound_beside(scope, names)
            for key, name in names.items():
                if bound.get(key, name) != name:
                    raise BoardliftError(
                        f"{_spoken(scope, key)} is called {bound[key]} already and cannot become {name}.",
                        hint="names are bound for ever; set a name for it in boardlift.yaml to change it on purpose",
                    )
            fresh = {key: name for key, name in names.items() if key not in bound}
            self._add(scope, fresh, bound, reason="")

    def _rebind(self, scope: _Scope, names: Mapping[TableKey, str], reason: str) -> None:
        if not reason.strip():
            raise ValueError("a rebinding needs a reason")
        with self._store.transaction():
            bound = self._bound_beside(scope, names)
            moved = {key: name for key, name in names.items() if bound.get(key) != name}
            for board_id, column_id, facet in moved:
                self._store.change(
                    "retire_name",
                    scope=scope,
                    board_id=board_id,
                    column_id=column_id,
                    facet=facet,
                    at=self._clock.now(),
                )
            self._add(scope, moved, {key: name for key, name in bound.items() if key not in moved}, reason)

    def _add(self, scope: _Scope, names: Mapping[TableKey, str], others: Mapping[TableKey, str], reason: str) -> None:
        owners = {name.lower(): key for key, name in others.items()}
        at = self._clock.now()
        for key, name in names.items():
            owner = owners.setdefault(name.lower(), key)
            if owner != key:
                raise BoardliftError(
                    f"{_spoken(scope, key)} cannot be called {name}: that is {_spoken(scope, owner)}.",
                    hint="choose another name for one of the two in boardlift.yaml",
                )
            board_id, column_id, facet = key
            self._store.change(
                "bind_name",
                scope=scope,
                board_id=board_id,
                column_id=column_id,
                facet=facet,
                name=name,
                at=at,
                reason=reason,
            )

    def _bound_beside(self, scope: _Scope, names: Mapping[TableKey, str]) -> dict[TableKey, str]:
        """The names that `names` must not collide with: of the same board for columns, of all boards for tables."""
        if scope is _Scope.TABLE:
            return self._names(scope)
        boards = {board_id for board_id, _, _ in names}
        return {key: name for board_id in boards for key, name in self._names(scope, board_id).items()}


def _spoken(scope: _Scope, key: TableKey) -> str:
    board_id, column_id, facet = key
    parts = [f"column {column_id}" if column_id else "", f"facet {facet}" if facet else ""]
    place = ", ".join(part for part in [f"board {board_id}", *parts] if part)
    return f"The {scope.value} of {place}" if scope is _Scope.TABLE else f"The name of {place}"
