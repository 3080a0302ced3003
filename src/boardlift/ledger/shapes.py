"""What the tables of each generation looked like, so that a plan can be compared with what is live."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from boardlift.ledger.store import Part
from boardlift.shape.table import Table


@dataclass(frozen=True)
class _Shapes:
    tables: str


class Shapes(Part):
    """The chapter of shapes."""

    def record_shapes(
        self, destination: str, namespace: str, group: str, generation: int, tables: Sequence[Table]
    ) -> None:
        """Write the tables of a generation; a number staged again after a blocked run is written again."""
        with self._store.transaction():
            self._store.change(
                "record_shapes",
                destination=destination,
                namespace=namespace,
                group=group,
                generation=generation,
                tables=_packed(tables),
                at=self._clock.now(),
            )

    def shapes(self, destination: str, namespace: str, group: str, generation: int) -> list[Table] | None:
        """The tables of a generation exactly as they were recorded; None when they never were."""
        found = self._store.rows(
            "get_shapes",
            _Shapes,
            destination=destination,
            namespace=namespace,
            group=group,
            generation=generation,
        )
        return msgspec.convert(json.loads(found[0].tables), list[Table]) if found else None


def _packed(tables: Sequence[Table]) -> str:
    # json writes ASCII only and so brings back any label, even half of a surrogate pair.
    return json.dumps(msgspec.to_builtins(list(tables)))
