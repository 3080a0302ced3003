"""Tables come back exactly as they were."""

from __future__ import annotations

import pytest

from boardlift.shape.table import Column, Table
from boardlift.shape.types import Kind, SqlType

EVERY_TYPE = Table(
    "planning",
    (
        *(Column(f"c_{kind.value}", SqlType(kind), nullable=kind is not Kind.TEXT) for kind in Kind),
        Column("price", SqlType(Kind.DECIMAL, 18, 2), label="Preis (€)"),
    ),
    key=("c_bigint", "c_text"),
    label="Planung 🎉",
)


def test_tables_make_the_round_trip(ledger):
    """Types, digits, order, keys, labels and fingerprints."""
    tables = [EVERY_TYPE, Table("planning_people", ())]
    ledger.record_shapes("db", "monday", "1", 3, tables)
    again = ledger.shapes("db", "monday", "1", 3)
    assert again == tables
    assert [table.fingerprint for table in again] == [table.fingerprint for table in tables]


@pytest.mark.parametrize("label", ["'; DROP TABLE shapes; --", "\x00", "\ud800", '"\\', "\u2028"])
def test_any_label_makes_the_round_trip(ledger, label):
    """Even what UTF-8 cannot hold."""
    table = Table("t", (Column("a", SqlType(Kind.TEXT), label=label),), label=label)
    ledger.record_shapes("db", "monday", "1", 1, [table])
    assert ledger.shapes("db", "monday", "1", 1) == [table]


def test_unknown_is_not_empty(ledger):
    """None was never recorded; a group without tables was."""
    ledger.record_shapes("db", "monday", "1", 1, [])
    assert ledger.shapes("db", "monday", "1", 1) == []
    assert ledger.shapes("db", "monday", "1", 2) is None
    assert ledger.shapes("db", "other", "1", 1) is None


def test_a_number_staged_again_is_recorded_again(ledger):
    """A blocked run's generation never went live; the next one of its number counts."""
    ledger.record_shapes("db", "monday", "1", 1, [])
    ledger.record_shapes("db", "monday", "1", 1, [EVERY_TYPE])
    ledger.record_shapes("db", "monday", "1", 1, [EVERY_TYPE])
    assert ledger.shapes("db", "monday", "1", 1) == [EVERY_TYPE]
    assert [event.event for event in ledger.events("1")] == ["recorded again", "recorded"]
