"""Retention: the newest generations stay for rollback, older ones go."""

from __future__ import annotations

from collections.abc import Sequence

from boardlift.destinations.interface import Destination


def retain(destination: Destination, groups: Sequence[str], keep: int) -> dict[str, list[int]]:
    """Leave `keep` generations of each group, the live one counted. Returns the numbers that were dropped."""
    return {group: dropped for group in groups if (dropped := destination.retain(group, keep))}
