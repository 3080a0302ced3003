"""What the bare scripts share: the pages of one board as lines of items in a file, and the SELECT that types them.

This is the floor: no plan, no checks, no second generation, no link tables, no way back. It asks the same query in the
same pages over one connection, knows the benchmark board of the sandbox by heart, and trusts every value.
"""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import msgspec

from bare_queries import BOARD, COLUMNS, FIRST, NEXT, PAGE

SOURCE = """read_json('{path}', format = 'newline_delimited', maximum_object_size = 16777216, columns = {{
    'id': 'BIGINT', 'name': 'VARCHAR', 'created_at': 'TIMESTAMPTZ', 'updated_at': 'TIMESTAMPTZ', 'creator_id': 'BIGINT',
    'url': 'VARCHAR', 'group': 'STRUCT(id VARCHAR)', 'column_values': 'STRUCT("text" VARCHAR, "value" VARCHAR,
        "index" INTEGER, "label" VARCHAR, "from" VARCHAR, "to" VARCHAR, "url" VARCHAR, "url_text" VARCHAR,
        "email" VARCHAR, "checked" BOOLEAN, "display_value" VARCHAR, "phone" VARCHAR, "country_short_name" VARCHAR,
        "rating" INTEGER, "start_date" VARCHAR, "end_date" VARCHAR, "hour" INTEGER, "minute" INTEGER,
        "vote_count" INTEGER)[]'}})"""
SELECT = """SELECT id AS item_id, name, "group".id AS group_id, map([{ids}], [{titles}])["group".id] AS group_title,
    created_at, updated_at, creator_id, url,
    v[1].label AS status, v[1].index AS status_index,
    v[2].text AS owner,
    TRY_CAST(v[3].value ->> '$.date' AS DATE) AS due_date,
    TRY_CAST((v[3].value ->> '$.date') || ' ' || (v[3].value ->> '$.time') || '+00' AS TIMESTAMPTZ) AS due_date_at,
    CAST(nullif(v[4].text, '') AS DECIMAL(38, 10)) AS quantity,
    v[5].text AS part_number, v[6].text AS notes, v[7].text AS material,
    CAST(left(v[8].from, 10) AS DATE) AS timeline_from, CAST(left(v[8].to, 10) AS DATE) AS timeline_to,
    v[9].url AS drawing, v[9].url_text AS drawing_text,
    v[10].email AS contact, v[10].label AS contact_label,
    v[11].checked AS approved, v[12].display_value AS linked,
    v[13].label AS priority, v[13].index AS priority_index,
    CAST(nullif(v[14].text, '') AS DECIMAL(38, 10)) AS unit_price,
    v[15].text AS remarks,
    TRY_CAST(v[16].value ->> '$.date' AS DATE) AS start,
    TRY_CAST((v[16].value ->> '$.date') || ' ' || (v[16].value ->> '$.time') || '+00' AS TIMESTAMPTZ) AS start_at,
    v[17].text AS reviewers, v[18].phone AS phone, v[18].country_short_name AS phone_country,
    v[19].rating AS rating, v[20].text AS tags, v[21].text AS colour,
    CAST(nullif(v[22].text, '') AS DECIMAL(38, 10)) AS scrap,
    v[23].text AS kunde,
    v[24].value ->> '$.countryName' AS country, v[24].value ->> '$.countryCode' AS country_code,
    CAST(left(v[25].start_date, 10) AS DATE) AS calendar_week_start,
    CAST(left(v[25].end_date, 10) AS DATE) AS calendar_week_end,
    make_time(v[26].hour, v[26].minute, 0) AS shift_start,
    v[27].text AS files, v[28].text AS beschreibung, v[29].vote_count AS votes,
    upper(v[30].value ->> '$.color.hex') AS paint
FROM (SELECT *, column_values AS v FROM {source})"""


class ItemsPage(msgspec.Struct):
    items: list[msgspec.Raw]
    cursor: str | None


class Group(msgspec.Struct):
    id: str
    title: str


class Board(msgspec.Struct):
    id: str
    groups: list[Group] = []
    items_page: ItemsPage | None = None


class Data(msgspec.Struct):
    boards: list[Board] = []
    next_items_page: ItemsPage | None = None


class Answer(msgspec.Struct):
    data: Data


DECODER = msgspec.json.Decoder(Answer)


def download(url: str, token: str, path: Path, *, nul: bool = True) -> str:
    """Write one item a line to `path`; the SELECT that makes the table of them. PostgreSQL has no U+0000: `nul`."""
    headers = {"Authorization": token, "API-Version": "2026-10", "Content-Type": "application/json"}
    with httpx.Client(headers=headers, timeout=60) as http, path.open("wb") as out:

        def ask(query: str, **variables: object) -> Data:
            answer = http.post(url, content=msgspec.json.encode({"query": query, "variables": variables}))
            return DECODER.decode(answer.raise_for_status().content).data

        board = ask(BOARD).boards[0]
        page = ask(FIRST, board=[board.id], limit=PAGE, columns=COLUMNS).boards[0].items_page
        while page is not None:
            lines = b"\n".join(page.items) + b"\n"
            out.write(lines if nul else lines.replace(rb"\u0000", b""))
            if page.cursor is None:
                break
            page = ask(NEXT, cursor=page.cursor, limit=PAGE, columns=COLUMNS).next_items_page
    return SELECT.format(
        source=SOURCE.format(path=path),
        ids=", ".join(f"'{group.id}'" for group in board.groups),
        titles=", ".join(f"'{group.title}'" for group in board.groups),
    )


def arguments(count: int) -> list[str]:
    """The arguments of a bare script; the token is the sandbox's own."""
    if len(sys.argv) != count + 1:
        sys.exit(f"{count} arguments are needed")
    return sys.argv[1:]
