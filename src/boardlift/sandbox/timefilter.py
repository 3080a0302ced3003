"""Rules on `__creation_log__` and `__last_updated__`: which forms are taken, and the spans of seconds they mean.

Public sources contradict each other on the forms that monday takes (FACTS 7), so a sandbox can be told which it takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from .kinds.base import members
from .options import SandboxOptions
from .problems import FieldError, invalid
from .zone import day_start, owner_time

ATTRIBUTES = {"__creation_log__": "CREATED_AT", "__last_updated__": "UPDATED_AT"}
FOREVER = 1 << 33


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds from `first` to `last`, both included."""

    first: int
    last: int

    def meet(self, other: Span) -> Span:
        """What is in both."""
        return Span(max(self.first, other.first), min(self.last, other.last))

    def holds(self, at: int) -> bool:
        """Whether a time is in it."""
        return self.first <= at <= self.last


@dataclass(frozen=True, slots=True)
class TimeRule:
    """A rule on a pseudo column: the time has to be in one of the spans, or (`outside`) in none."""

    column: str
    spans: tuple[Span, ...]
    outside: bool = False

    def holds(self, at: int) -> bool:
        """Whether an item of this time is let through."""
        return any(span.holds(at) for span in self.spans) != self.outside


def time_rule(rule: Mapping[str, object], options: SandboxOptions, now: float) -> TimeRule:
    """A rule as spans; `no_operator_config` for a form that is not taken."""
    column, operator = str(rule["column_id"]), str(rule.get("operator") or "any_of")
    values = [str(value) for value in members(rule["compare_value"])]
    attribute = rule.get("compare_attribute")
    if attribute not in (None, ATTRIBUTES[column]):
        raise refused(operator, values)
    offset = options.owner_utc_offset_hours
    if operator in ("any_of", "not_any_of"):
        return TimeRule(column, tuple(relative(value, now, offset) for value in values), operator == "not_any_of")
    found = between(values, offset) if operator == "between" else edge(operator, values)
    if found is None:
        raise refused(operator, values)
    kind, span = found
    form = kind if attribute is None else f"{kind}_attribute" if kind != "day_between" else kind
    if form not in options.filter_forms or (kind == "day_between" and attribute is None):
        raise refused(operator, values)
    margin = options.filter_margin_seconds
    return TimeRule(column, (Span(span.first - margin, span.last + margin),))


def between(values: list[str], offset_hours: float | None) -> tuple[str, Span] | None:
    """Two days or two times, both included; a mixture is no form."""
    if len(values) != 2:
        return None
    if all(len(value) == 10 for value in values):
        first, last = (day_of(value) for value in values)
        start, stop = day_start(first, offset_hours), day_start(last + timedelta(days=1), offset_hours)
        return "day_between", Span(start, stop - 1)
    if any(len(value) == 10 for value in values):
        return None
    return "iso_between", Span(math.ceil(moment(values[0])), math.floor(moment(values[1])))


def edge(operator: str, values: list[str]) -> tuple[str, Span] | None:
    """`["EXACT", time]`, everything from it or up to it."""
    if len(values) != 2 or values[0] != "EXACT" or len(values[1]) == 10:
        return None
    if operator == "greater_than_or_equals":
        return "exact", Span(math.ceil(moment(values[1])), FOREVER)
    if operator == "lower_than_or_equal":
        return "exact", Span(0, math.floor(moment(values[1])))
    return None


def moment(text: str) -> float:
    """A time (or a day: its first second) in seconds; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"not a date: {text}") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def day_of(text: str) -> date:
    """A day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid(f"not a date: {text}") from None


def relative(word: str, now: float, offset_hours: float | None) -> Span:
    """The documented words, as days of the token owner; weeks begin on Monday."""
    today = owner_time(now, offset_hours).date()
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    days = {
        "TODAY": (today, today + timedelta(days=1)),
        "YESTERDAY": (today - timedelta(days=1), today),
        "THIS_WEEK": (monday, monday + timedelta(days=7)),
        "LAST_WEEK": (monday - timedelta(days=7), monday),
        "THIS_MONTH": (first, after),
        "LAST_MONTH": (before, first),
    }
    if word == "PAST_DATETIME":
        return Span(0, int(now))
    if word not in days:
        raise invalid(f"compare value {word} is not known")
    start, stop = days[word]
    return Span(day_start(start, offset_hours), day_start(stop, offset_hours) - 1)


def refused(operator: str, values: list[str]) -> FieldError:
    """The error of an operator that the column has no configuration for."""
    return invalid(f"no_operator_config: {operator} with {values}")


__all__ = ["ATTRIBUTES", "Span", "TimeRule", "moment", "time_rule"]
