"""The same board into PostgreSQL with dlt, in one of the two ways a person would write it.

python benchmarks/dlt_postgres.py http://127.0.0.1:8065/v2 sandbox-token-not-a-secret folder postgresql://... items

`items`: the resource yields monday's items as they come, and dlt makes tables of what is nested in them. `rows`:
somebody wrote sixty lines for this one board that make one flat dict of each item, and told dlt the type of each
column; there are no link tables then.

Runs in a virtualenv of its own with `pip install "dlt[postgres]" requests`. In both, in dlt's favour, the table
replaces the one before by a swap in one transaction (staging-optimized), and rows travel as CSV through COPY.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

COLUMN_TYPES = {
    **dict.fromkeys(("created_at", "updated_at", "due_date_at", "start_at"), "timestamp"),
    **dict.fromkeys(
        ("due_date", "start", "timeline_from", "timeline_to", "calendar_week_start", "calendar_week_end"), "date"
    ),
    **dict.fromkeys(("item_id", "creator_id", "status_index", "priority_index", "rating", "votes"), "bigint"),
    **dict.fromkeys(("quantity", "unit_price", "scrap"), "decimal"),
    "shift_start": "time",
    "approved": "bool",
    **dict.fromkeys(("name", "group_id", "group_title", "url", "status", "owner", "part_number", "notes"), "text"),
    **dict.fromkeys(("material", "drawing", "drawing_text", "contact", "contact_label", "linked", "priority"), "text"),
    **dict.fromkeys(("remarks", "reviewers", "phone", "phone_country", "tags", "colour", "kunde", "country"), "text"),
    **dict.fromkeys(("country_code", "files", "beschreibung", "paint"), "text"),
}


def row(item: dict, groups: dict) -> dict:
    """One item as one row of the same typed columns."""
    cells = item["column_values"]
    day, start = _json(cells[2]), _json(cells[15])
    country, color = _json(cells[23]), _json(cells[29]).get("color") or {}
    hour = cells[25]["hour"]
    return {
        "item_id": int(item["id"]),
        "name": item["name"],
        "group_id": item["group"]["id"],
        "group_title": groups.get(item["group"]["id"]),
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
        "creator_id": int(item["creator_id"]),
        "url": item["url"],
        "status": cells[0]["label"],
        "status_index": cells[0]["index"],
        "owner": cells[1]["text"],
        "due_date": day.get("date") or None,
        "due_date_at": _instant(day),
        "quantity": cells[3]["text"] or None,
        "part_number": cells[4]["text"],
        "notes": cells[5]["text"],
        "material": cells[6]["text"],
        "timeline_from": _day(cells[7]["from"]),
        "timeline_to": _day(cells[7]["to"]),
        "drawing": cells[8]["url"],
        "drawing_text": cells[8]["url_text"],
        "contact": cells[9]["email"],
        "contact_label": cells[9]["label"],
        "approved": cells[10]["checked"],
        "linked": cells[11]["display_value"],
        "priority": cells[12]["label"],
        "priority_index": cells[12]["index"],
        "unit_price": cells[13]["text"] or None,
        "remarks": cells[14]["text"],
        "start": start.get("date") or None,
        "start_at": _instant(start),
        "reviewers": cells[16]["text"],
        "phone": cells[17]["phone"],
        "phone_country": cells[17]["country_short_name"],
        "rating": cells[18]["rating"],
        "tags": cells[19]["text"],
        "colour": cells[20]["text"],
        "scrap": cells[21]["text"] or None,
        "kunde": cells[22]["text"],
        "country": country.get("countryName"),
        "country_code": country.get("countryCode"),
        "calendar_week_start": _day(cells[24]["start_date"]),
        "calendar_week_end": _day(cells[24]["end_date"]),
        "shift_start": f"{hour:02}:{cells[25]['minute'] or 0:02}:00" if hour is not None else None,
        "files": cells[26]["text"],
        "beschreibung": cells[27]["text"],
        "votes": cells[28]["vote_count"],
        "paint": color.get("hex"),
    }


def _json(cell: dict) -> dict:
    return json.loads(cell["value"] or "{}") or {}


def _instant(value: dict) -> str | None:
    return f"{value['date']}T{value['time']}Z" if value.get("date") and value.get("time") else None


def _day(text: str | None) -> str | None:
    return text[:10] if text else None


def main() -> None:
    url, token, folder, destination, shape = sys.argv[1:]
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "DESTINATION__REPLACE_STRATEGY": "staging-optimized",
    }
    import dlt
    import requests

    from bare_queries import BOARD, COLUMNS, FIRST, NEXT, PAGE

    columns = {
        name: {"data_type": kind, **({"precision": 38, "scale": 10} if kind == "decimal" else {})}
        for name, kind in COLUMN_TYPES.items()
    }

    @dlt.resource(
        name="benchmark",
        write_disposition="replace",
        primary_key="item_id" if shape == "rows" else "id",
        columns=columns if shape == "rows" else None,
    )
    def items() -> Iterator[list[dict]]:
        with requests.Session() as http:
            http.headers.update({"Authorization": token, "API-Version": "2026-10"})

            def ask(query: str, **variables: object) -> dict:
                answer = http.post(url, json={"query": query, "variables": variables}, timeout=60)
                answer.raise_for_status()
                return json.loads(answer.text.replace(r"\u0000", ""))["data"]  # PostgreSQL has no U+0000

            board = ask(BOARD)["boards"][0]
            groups = {group["id"]: group["title"] for group in board["groups"]}
            page = ask(FIRST, board=[board["id"]], limit=PAGE, columns=COLUMNS)["boards"][0]["items_page"]
            while True:
                yield [row(item, groups) for item in page["items"]] if shape == "rows" else page["items"]
                if page["cursor"] is None:
                    return
                page = ask(NEXT, cursor=page["cursor"], limit=PAGE, columns=COLUMNS)["next_items_page"]

    pipeline = dlt.pipeline(
        pipeline_name="benchmark",
        pipelines_dir=folder,
        destination=dlt.destinations.postgres(destination),
        dataset_name="dlt_monday",
    )
    pipeline.run(items(), loader_file_format="csv").raise_on_failed_jobs()


if __name__ == "__main__":
    main()
