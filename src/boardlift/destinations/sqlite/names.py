"""Where things lie in a SQLite file, which has no schemas: a namespace is the beginning of a table's name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from boardlift.destinations.catalogue import CATALOGUE
from boardlift.destinations.interface import hidden_namespace
from boardlift.errors import UNCHANGED, ConfigError, DestinationError

TITLES = "titles"
PLAIN = "main"  # the namespace whose live tables have no prefix: SQLite's own word for the file's only schema

_SET_APART = "__boardlift"
_GENERATION = re.compile(r"__g\d+$")


@dataclass(frozen=True)
class Names:
    """The names that one namespace has in the file."""

    namespace: str

    def live(self, table: str) -> str:
        """The live table `planning` of the namespace `monday` is `monday__planning`, of `main` it is `planning`."""
        return f"{self._prefix}{table}"

    def hidden(self, table: str) -> str:
        """A staged or kept table, the catalogue, the titles: `monday__boardlift__planning__g12`."""
        return f"{hidden_namespace(self.namespace)}__{table}"

    @property
    def catalogue(self) -> str:
        return self.hidden(CATALOGUE)

    @property
    def titles(self) -> str:
        return self.hidden(TITLES)

    def holds_generation(self, name: str) -> str | None:
        """The hidden name of a staged or kept table when `name` in the file is the name of one."""
        prefix = self.hidden("")
        return name[len(prefix) :] if name.startswith(prefix) and _GENERATION.search(name) else None

    def is_own_index(self, name: str) -> bool:
        """Whether boardlift made the index, and not a person."""
        return name.startswith(self.hidden(""))

    def is_in_live_namespace(self, name: str) -> bool:
        """Whether a name in the file is one that a live table of the namespace could have."""
        hidden = name in (self.catalogue, self.titles) or self.holds_generation(name) is not None
        return not hidden and not name.startswith("sqlite_") and name.lower().startswith(self._prefix.lower())

    def refuse_ambiguous(self, table: str) -> None:
        """Raise DestinationError for a table whose live name would be one of the hidden names."""
        live = self.live(table)
        if live in (self.catalogue, self.titles) or self.holds_generation(live) is not None:
            raise DestinationError(
                f"The table name {table} would be {live} in SQLite, which boardlift keeps for itself. {UNCHANGED}",
                hint="give the board another `table:` name in boardlift.yaml",
            )

    @property
    def _prefix(self) -> str:
        return "" if self.namespace == PLAIN else f"{self.namespace}__"


def names_of(namespace: str) -> Names:
    """Raises ConfigError for a namespace whose tables would lie among the hidden ones of another."""
    if _SET_APART in namespace:
        raise ConfigError(
            f"The namespace {namespace} cannot be used in SQLite: names with {_SET_APART} are boardlift's own.",
            hint="choose another `namespace:` in boardlift.yaml",
        )
    return Names(namespace)
