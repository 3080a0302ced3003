"""How text becomes a type, and how we know that it did not: the SQL of casts and of misfits."""

from __future__ import annotations

from boardlift.destinations.duckdb.types import column_type
from boardlift.shape.sql import SQL, Composable, Literal
from boardlift.shape.types import Kind, SqlType

_WITH_WORDS = (Kind.DOUBLE, Kind.DATE, Kind.TIMESTAMP)
_WORDS = r"^\s*[-+]?(?:[iI][nN][fF]|[nN][aA][nN]|[eE][pP][oO])"
_SCALES = {Kind.INTEGER: 0, Kind.BIGINT: 0}


def typed(raw: Composable, sql_type: SqlType) -> Composable:
    """Text as a value of the type, NULL where it is none."""
    if sql_type.kind in (Kind.TEXT, Kind.JSON):
        return raw
    if sql_type.kind in _WITH_WORDS:
        # "infinity", "nan" and "epoch" are values to the engine, and a misfit to us: no column of monday means them.
        raw = SQL("CASE WHEN NOT regexp_matches({0}, {1}) THEN {0} END").format(raw, Literal(_WORDS))
    return SQL("TRY_CAST({} AS {})").format(raw, column_type(sql_type))


def misfit(raw: Composable, value: Composable, sql_type: SqlType) -> Composable | None:
    """True where text was there but the type did not take it, or not all of it; None for types that take anything."""
    if sql_type.kind in (Kind.TEXT, Kind.JSON):
        return None
    refused = SQL("({} IS NOT NULL AND {} IS NULL)").format(raw, value)
    rounded = lossy(raw, sql_type)
    return refused if rounded is None else SQL("({} OR {})").format(refused, rounded)


def lossy(raw: Composable, sql_type: SqlType) -> Composable | None:
    """True where a number has more decimals than the type keeps; the engine would round it without a word."""
    if sql_type.kind is not Kind.DECIMAL and sql_type.kind not in _SCALES:
        return None
    scale = Literal(_SCALES.get(sql_type.kind, sql_type.scale))
    return SQL("coalesce(length(rtrim(split_part({0}, '.', 2), '0')) > {1}, false)").format(raw, scale)


def reason(value: Composable, sql_type: SqlType) -> Composable:
    """Why a misfit is one, as an SQL text expression."""
    return SQL("CASE WHEN {} IS NULL THEN {} ELSE {} END").format(
        value, Literal(f"not a {sql_type}"), Literal(f"rounded to fit {sql_type}")
    )
