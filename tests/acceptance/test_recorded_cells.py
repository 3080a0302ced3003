"""Every cell of every recorded answer of the real API, decoded by boardlift's own path: nothing is dropped."""

from __future__ import annotations

from collections import Counter

import pytest

from boardlift.normalize.columns import current_type, family_of, registered
from boardlift.normalize.columns.registry import FORMER_TYPES
from refpages.recorded import Decision, decide
from refpages.samples import RecordedItem, recorded_items, samples_folder

SAMPLES = samples_folder()


@pytest.fixture(scope="module")
def items() -> list[RecordedItem]:
    if not SAMPLES.is_dir():
        pytest.skip(f"no recorded answers at {SAMPLES}; set BOARDLIFT_SAMPLES")
    return recorded_items(SAMPLES)


@pytest.fixture(scope="module")
def decisions(items: list[RecordedItem]) -> list[Decision]:
    return decide(items)


def where(decision: Decision) -> str:
    return f"{decision.item.sample}, {decision.item.place}: {dict(decision.recorded.cell)}"


def test_every_recorded_cell_is_decided_upon(items: list[RecordedItem], decisions: list[Decision]) -> None:
    """No cell is lost on the way: as many decisions as cells, over every file that has any."""
    assert len(decisions) == sum(len(item.cells) for item in items) >= 245
    assert set(Counter(each.item.sample for each in decisions)) >= {
        "airbyte/boards.json",
        "airbyte/expected_records_2023.jsonl",
        "docs-examples/column_values.jsonl",
        "estuary-2025/capture_stdout.json",
        "mondaygpt-2024/column_values_all_types.jsonl",
        "nango-2026/change-column-value.json",
        "nango-2026/get-item.json",
        "nango-2026/list-items.json",
    }


def test_nothing_is_dropped(decisions: list[Decision]) -> None:
    """A cell that holds something becomes an SQL value, a link row, or a quarantine entry with its reason."""
    assert [where(each) for each in decisions if each.dropped] == []


def test_nothing_is_made_up(decisions: list[Decision]) -> None:
    """A cell that holds nothing becomes nothing."""
    assert [where(each) for each in decisions if each.kept and not each.holds] == []


def test_no_recorded_value_is_a_misfit(decisions: list[Decision]) -> None:
    """Every recorded value fits the type of its family."""
    assert [where(each) for each in decisions if each.quarantined] == []


def test_no_recorded_type_is_unknown(decisions: list[Decision]) -> None:
    """Type names of 2023 are read as today's: a `color` is a status with a label and a number."""
    assert [each.recorded.type for each in decisions if each.unknown] == []
    former = [each for each in decisions if each.recorded.type == "color"]
    assert [sorted(map(str, each.columns.values())) for each in former] == [
        ["0", "Working on it"],
        ["1", "Done"],
        ["5", "None"],
    ]


def test_the_query_asks_for_enough(items: list[RecordedItem], decisions: list[Decision]) -> None:
    """Left with only the fields our query asks for, the vendor's complete examples give the same values."""
    complete = [item for item in items if item.sample.startswith("docs-examples/")]
    asked = {(each.item.number, each.recorded.column_id): each for each in decide(complete, asked_only=True)}
    whole = [each for each in decisions if (each.item.number, each.recorded.column_id) in asked]
    assert len(whole) == 18
    for each in whole:
        again = asked[each.item.number, each.recorded.column_id]
        assert (again.columns, again.links) == (each.columns, each.links), where(each)


@pytest.mark.parametrize("former", [*FORMER_TYPES, "long-text", "board-relation", "multiple-person", "pulse-updated"])
def test_former_type_names_lead_to_todays_families(former: str) -> None:
    """Each old name means a type that exists now; no old name hides a type of today."""
    assert former not in registered()
    assert family_of(former) is registered()[current_type(former)]
