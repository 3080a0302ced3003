"""docs/reference/recorded-decisions.md: what became of every cell of every recorded answer."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal

from refpages.markdown import code, page, table
from refpages.recorded import ABOUT, Decision, decide
from refpages.samples import recorded_items, samples_folder

INTRODUCTION = """\
Recorded answers of the real API (2023 to 2026), the examples of the vendor's reference pages, and two files of other
connectors' tests, decoded by boardlift's own path: board plan, sealed window, normalizer. Cells that are alike in one
file share a row. The recordings are not part of the repository; `tests/acceptance/test_recorded_cells.py` holds that
no cell with anything in it is dropped.

"Cell as recorded" leaves out fields that tell of the column, its looks or its history: {about}. *Empty* cells hold
nothing; *cleared* ones have a `value` that says nothing any more."""
WIDEST = 160


def available() -> bool:
    return samples_folder().is_dir()


def render() -> str:
    decisions = decide(recorded_items(samples_folder()))
    count = Counter(each.words for each in decisions)
    told = table(("decision", "cells"), ((words, str(number)) for words, number in sorted(count.items())))
    rows: dict[tuple[str, ...], int] = {}
    for each in decisions:
        key = (each.item.sample, _type(each), _recorded(each), _sql(each), each.words)
        rows[key] = rows.get(key, 0) + 1
    about = ", ".join(code(name) for name in sorted(ABOUT - {"id", "type"}))
    return page(
        "Recorded cells and what becomes of them",
        INTRODUCTION.format(about=about),
        f"{len(decisions)} cells of {len({each.item.number for each in decisions})} items; "
        f"{sum(each.holds for each in decisions)} hold something, {sum(each.dropped for each in decisions)} are "
        "dropped.",
        told,
        table(
            ("file", "type", "cell as recorded", "SQL columns and values", "decision", "cells"),
            ((file, *rest, str(number)) for (file, *rest), number in rows.items()),
        ),
    )


def _type(decision: Decision) -> str:
    recorded = decision.recorded.type
    return code(recorded) if recorded == decision.family else f"{code(recorded)} (now {code(decision.family)})"


def _recorded(decision: Decision) -> str:
    kept = {k: v for k, v in decision.recorded.cell.items() if k not in ABOUT}
    return code(_short(json.dumps(kept, ensure_ascii=False)))


def _sql(decision: Decision) -> str:
    names = list(decision.columns)
    stem = min(names, key=len) if names else ""
    parts = []
    for name, value in decision.columns.items():
        shown = "<name>" + (name[len(stem) :] if name.startswith(stem) else "")
        if len(names) > 1 and decision.family in ("timeline", "week"):
            shown = "<name>_" + name.rpartition("_")[2]
        parts.append(f"{code(shown)} = {_value(value)}")
    parts += ["(" + ", ".join(f"{code(k)} = {_value(v)}" for k, v in row.items()) + ")" for row in decision.links]
    return ", ".join(parts)


def _value(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case datetime():
            return code(f"{value:%Y-%m-%d %H:%M:%S}+00")
        case Decimal():
            return code(value)
        case _:
            return code(_short(str(value)))


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."
