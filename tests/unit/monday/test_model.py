"""Structs of boards and columns."""

from __future__ import annotations

from decimal import Decimal

import pytest

from boardlift.monday.model import Group, settings_of


@pytest.mark.parametrize(
    ("position", "rank"),
    [
        ("65536", Decimal(65536)),
        ("163840.0", Decimal(163840)),
        ("", Decimal(0)),
        ("NaN", Decimal(0)),
        ("x", Decimal(0)),
    ],
)
def test_a_groups_position_is_a_decimal_in_text(position: str, rank: Decimal) -> None:
    """Sorting by text would put 163840 before 65536."""
    assert Group(id="a", position=position).rank == rank


@pytest.mark.parametrize(
    ("settings", "settings_str", "expected"),
    [
        ({"a": 1}, None, {"a": 1}),
        ('{"a":1}', None, {"a": 1}),
        (None, '{"labels":{"0":"x"}}', {"labels": {"0": "x"}}),
        ({"a": 1}, '{"b":2}', {"a": 1}),
        (None, None, {}),
        ("", "", {}),
        ("not json", "[1]", {}),
        ([], 3, {}),
    ],
)
def test_settings_in_both_forms(settings: object, settings_str: object, expected: dict[str, object]) -> None:
    """`settings` wins over `settings_str`; what is no object is no settings."""
    assert settings_of(settings, settings_str) == expected
