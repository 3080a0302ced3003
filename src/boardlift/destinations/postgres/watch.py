"""Looking twice: whether what was said of relations is still so, with the comparison done by the server.

Readers wait while it is asked, so no row comes here for a relation of which everything is as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from boardlift.destinations.postgres import questions
from boardlift.destinations.postgres import snapshot as snapshots
from boardlift.destinations.postgres.inspect import Ask
from boardlift.destinations.postgres.snapshot import Place, Snapshot


class Watch:
    """What the catalogue said of some live relations and of what is built on them when this was made."""

    def __init__(self, ask: Ask, live: str, names: Iterable[str]) -> None:
        self._ask, self._live, self._names = ask, live, sorted(names)
        rows = ask(questions.watched(self._live, self._names))
        self.snapshot = snapshots.read([row[:5] for row in rows])
        self._digests: dict[Place, str] = {(str(row[1]), str(row[2])): str(row[5]) for row in rows}

    def changed(self, calm: Collection[Place] | None = None) -> tuple[set[Place], Snapshot]:
        """The relations of which something else is said now, and all that is said of them.

        With `calm` (all of them, if left out), others are taken for changed whatever is said.
        """
        places = set(self._digests if calm is None else calm)
        places &= self._digests.keys()
        known = {self._digests[place]: place for place in places}
        rows = self._ask(questions.otherwise(self._live, self._names, known))
        gone = {known[str(row[3])] for row in rows if row[0] == questions.GONE}
        now = snapshots.read([row for row in rows if row[0] != questions.GONE])
        return gone | (self._digests.keys() - places) | {entry.place for entry in now.entries}, now
