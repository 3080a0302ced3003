"""Columns that hold time: date, timeline, week, hour, creation log, last updated."""

from __future__ import annotations

from boardlift.normalize.columns.family import Cell, CellField, Facet, Family, facets, first
from boardlift.normalize.columns.registry import register
from boardlift.shape.sql import SQL, Composable
from boardlift.shape.types import BIGINT, DATE, TIME, TIMESTAMP


def _instant(cell: Cell) -> Composable:
    """Date and time of `value`, which are UTC; typed fields and text are in the token owner's zone (Date page)."""
    return SQL("CASE WHEN {time} IS NOT NULL THEN {date} || ' ' || {time} || '+00' END").format(
        time=cell.json("$.time"), date=cell.json("$.date")
    )


def _day(typed: str, place: str) -> Facet:
    """One end of a span. The typed field may carry a midnight after the date; only the date is meant."""

    def raw(cell: Cell) -> Composable:
        return first(SQL("left({}, 10)").format(cell.scalar(typed)), cell.json(place), cell.text)

    suffix = typed.removesuffix("_date")
    return Facet(suffix, DATE, raw, "first day" if suffix in ("from", "start") else "last day")


def _time_of_day(cell: Cell) -> Composable:
    hour = first(cell.scalar("hour"), cell.json("$.hour"))
    minute = first(cell.scalar("minute"), cell.json("$.minute"), SQL("'0'"))
    return first(SQL("{} || ':' || lpad({}, 2, '0') || ':00'").format(hour, minute), cell.text)


def _log(when: str, who: str) -> tuple[Facet, Facet]:
    """The pair of facts that creation log and last updated hold."""
    return (
        Facet("", TIMESTAMP, lambda cell: first(cell.scalar(when), cell.json(f"$.{when}"), cell.text), "the instant"),
        Facet("by", BIGINT, lambda cell: first(cell.scalar(who), cell.json(f"$.{who}")), "the user's id"),
    )


register(
    Family(
        types=("date",),
        value_types=("DateValue",),
        note="The day as stored, and, where a time was set, the instant (both UTC, from `value`; monday's own text is "
        "shifted to the token owner's zone). With `type: date` or `type: timestamp` only that one is made.",
        asks_value=True,
        facets=facets(
            Facet("", DATE, lambda cell: first(cell.json("$.date"), cell.text), "the day, in UTC when a time was set"),
            Facet("at", TIMESTAMP, _instant, "the instant; NULL when no time was set"),
        ),
    ),
    Family(
        types=("timeline",),
        value_types=("TimelineValue",),
        note="First and last day.",
        fields=(CellField("from"), CellField("to")),
        facets=facets(_day("from", "$.from"), _day("to", "$.to")),
    ),
    Family(
        types=("week",),
        value_types=("WeekValue",),
        note="First and last day of the week, by the account's first weekday.",
        fields=(CellField("start_date"), CellField("end_date")),
        facets=facets(_day("start_date", "$.week.startDate"), _day("end_date", "$.week.endDate")),
    ),
    Family(
        types=("hour",),
        value_types=("HourValue",),
        note="Time of day, without a zone.",
        fields=(CellField("hour"), CellField("minute")),
        facets=facets(Facet("", TIME, _time_of_day, "time of day")),
    ),
    Family(
        types=("creation_log",),
        value_types=("CreationLogValue",),
        note="When the item was made, and by whom.",
        fields=(CellField("created_at"), CellField("creator_id")),
        facets=facets(*_log("created_at", "creator_id")),
    ),
    Family(
        types=("last_updated",),
        value_types=("LastUpdatedValue",),
        note="When the item last changed, and by whom.",
        fields=(CellField("updated_at"), CellField("updater_id")),
        facets=facets(*_log("updated_at", "updater_id")),
    ),
)
