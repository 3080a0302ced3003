"""Names bound to monday's ids. A name once given is kept for ever; only an override in the configuration changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from boardlift.errors import ConfigError
from boardlift.shape.naming import MAX_COLUMN_BYTES, MAX_TABLE_BYTES, distinct, portable, slug


@dataclass
class ColumnNames:
    """The names of one board's columns. `bound` are those of earlier runs, by (column id, facet suffix).

    `given` collects every name that this run uses, `fresh` those that were not bound before or were overridden.
    """

    board_id: str
    bound: Mapping[tuple[str, str], str]
    given: dict[tuple[str, str], str] = field(default_factory=dict)
    fresh: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._taken = set(self.bound.values())

    def reserve(self, name: str) -> str:
        """Take a name that no board column may have: `item_id`, `name`, ..."""
        self._taken.add(name)
        return name

    def of(self, column_id: str, suffix: str, title: str, override: str = "") -> str:
        """The name of one facet of a board column. Raises ConfigError when an override collides."""
        key = (column_id, suffix)
        before = self.bound.get(key)
        if override:
            wanted = f"{override}_{suffix}" if suffix else override
            if wanted != before:
                self._override(key, wanted)
            return self._give(key, wanted)
        if before is not None:
            return self._give(key, before)
        main = self.given.get((column_id, ""))
        stem = main or portable(title, column_id, MAX_COLUMN_BYTES - len(suffix) - 1 if suffix else MAX_COLUMN_BYTES)
        wanted = f"{stem[: MAX_COLUMN_BYTES - len(suffix) - 1].rstrip('_')}_{suffix}" if suffix else stem
        name = distinct(wanted, column_id, self._taken)
        self.fresh[key] = name
        return self._give(key, name)

    def _override(self, key: tuple[str, str], wanted: str) -> None:
        if wanted != slug(wanted):
            raise ConfigError(
                f"Board {self.board_id}, column {key[0]}: {wanted!r} cannot be a column name.",
                hint=f"use lower snake case of up to {MAX_COLUMN_BYTES} letters, like {portable(wanted, key[0])!r}",
            )
        if wanted in self._taken:
            raise ConfigError(
                f"Board {self.board_id}, column {key[0]}: the name {wanted!r} belongs to another column.",
                hint="choose another name in boardlift.yaml; `boardlift boards show` lists the names in use",
            )
        self.fresh[key] = wanted

    def _give(self, key: tuple[str, str], name: str) -> str:
        self._taken.add(name)
        self.given[key] = name
        return name


@dataclass
class TableNames:
    """Table names over all boards. Keys are (board id, column id or "", facet): facet is "", "links", "labels", ..."""

    bound: Mapping[tuple[str, str, str], str]
    fresh: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._taken = set(self.bound.values())
        self._given = dict(self.bound)
        self._renamed: set[str] = set()

    def main(self, board_id: str, title: str, override: str = "") -> str:
        """The table of a board itself. Raises ConfigError when an override collides."""
        key = (board_id, "", "")
        if override and override != self._given.get(key):
            self._check_override(board_id, override)
            self._renamed.add(board_id)
            return self._give(key, override)
        if key in self._given:
            return self._given[key]
        return self._give(key, distinct(portable(title, f"board_{board_id}", 40), board_id, self._taken, 40))

    def part(self, board_id: str, column_id: str, facet: str, stem: str, title: str) -> str:
        """A table beside the board's own: `planning__owner`, `planning__labels`; it follows an override of that."""
        key = (board_id, column_id, facet)
        if key in self._given and board_id not in self._renamed:
            return self._given[key]
        wanted = f"{stem[:28].rstrip('_')}__{title}"[:MAX_TABLE_BYTES].rstrip("_")
        return self._give(key, distinct(wanted, column_id or board_id, self._taken, MAX_TABLE_BYTES))

    def _check_override(self, board_id: str, wanted: str) -> None:
        if wanted != slug(wanted, 40):
            raise ConfigError(
                f"Board {board_id}: {wanted!r} cannot be a table name.",
                hint="use lower snake case of at most 40 letters",
            )
        if wanted in self._taken:
            raise ConfigError(
                f"Board {board_id}: the table name {wanted!r} belongs to another board.",
                hint="choose another `table:` in boardlift.yaml; `boardlift boards` lists the names in use",
            )

    def _give(self, key: tuple[str, str, str], name: str) -> str:
        self._taken.add(name)
        self._given[key] = name
        self.fresh[key] = name
        return name
