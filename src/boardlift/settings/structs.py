"""The configuration as structs: what boardlift.yaml may say, with bounds and defaults.

Its JSON schema is published for editors and the reference page is generated from it, so a field's description is
written here and nowhere else.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

DEFAULT_API_URL = "https://api.monday.com/v2"
DEFAULT_API_VERSION = "2026-10"
TOKEN_VARIABLE = "MONDAY_API_TOKEN"  # noqa: S105  the name of a variable, not a secret


class AccountSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Which monday.com account is read, and how politely."""

    token: Annotated[
        str, Meta(description="API token. Keep it out of the file: `${MONDAY_API_TOKEN}` (the default) or the keyring.")
    ] = "${" + TOKEN_VARIABLE + "}"
    url: Annotated[str, Meta(description="API endpoint; points at a sandbox or a proxy when set.")] = DEFAULT_API_URL
    api_version: Annotated[
        str, Meta(description="Pinned API version; every answer is checked against it.", pattern=r"^\d{4}-\d{2}$|^dev$")
    ] = DEFAULT_API_VERSION
    parallel_calls: Annotated[int, Meta(description="Calls that are under way at the same time.", ge=1, le=40)] = 12
    prefer: Annotated[
        Literal["auto", "calls", "time"],
        Meta(
            description="What may be spent: `calls` reads each board in one chain of pages, with as few calls as there "
            "can be; `auto` reads a large board in several parts at once where answers take long; `time` always does."
        ),
    ] = "auto"
    share: Annotated[
        float, Meta(description="The part of each of the account's quotas that may be used; 1 is all.", gt=0, le=1)
    ] = 1.0
    calls_per_day: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="The account's calls a day, where monday tells or documents another number."),
    ] = None
    page_size: Annotated[int, Meta(description="Items asked for in one call; monday admits 500.", ge=1, le=500)] = 500
    timeout: Annotated[
        float, Meta(description="Seconds before one call is given up and tried again.", gt=0, le=3600)
    ] = 60.0
    retries: Annotated[int, Meta(description="Tries after the first for failures that may pass.", ge=0, le=20)] = 3


class ColumnSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said about one board column, by its column id."""

    name: Annotated[str, Meta(description="SQL name of the column instead of the one made from its title.")] = ""
    type: Annotated[str, Meta(description="SQL type of the main value: `decimal(18,2)`, `date`, `text`, ...")] = ""
    exclude: Annotated[bool, Meta(description="Leave the column out; it is not even asked for.")] = False
    field: Annotated[
        str,
        Meta(
            description="Take this part of the value alone: `text`, `value` (JSON), or a part the column type has, "
            "such as `index` for a status or `from` for a timeline."
        ),
    ] = ""


class IndexSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """An index on a board's table."""

    columns: Annotated[
        list[str],
        Meta(
            description="Columns in order, each by its SQL name or by monday's column id.", min_length=1, max_length=16
        ),
    ]
    unique: Annotated[bool, Meta(description="No two rows may have the same values; such rows stop the run.")] = False


ReplaceWay = Literal["swap", "in_place"]
ReadMode = Literal["full", "incremental"]
Schedule = Literal["hourly", "daily", "weekly", "never"]
IndexColumns = Annotated[list[str], Meta(min_length=1, max_length=16)]


class BoardSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One board by `id`, or all boards whose name fits `match`."""

    id: Annotated[int | None, Meta(description="Board id, as in the board's address.")] = None
    match: Annotated[
        str, Meta(description="Shell pattern for board names, such as `Customer *`; `*` is every board.")
    ] = ""
    table: Annotated[str, Meta(description="Table name instead of the one made from the board's name.")] = ""
    subitems: Annotated[bool, Meta(description="Also lift the board's subitems, into a table of their own.")] = True
    replace: Annotated[
        ReplaceWay | None,
        Meta(
            description="How a new generation takes the place of the live one: `swap` or `in_place`; subitems follow "
            "their board. `defaults.replace` when left out."
        ),
    ] = None
    mode: Annotated[
        ReadMode | None,
        Meta(
            description="How the board is read: `full`, every item every time, or `incremental`, what has changed "
            "since the last run; subitems follow their board. `defaults.mode` when left out."
        ),
    ] = None
    indexes: Annotated[
        list[IndexColumns | IndexSettings],
        Meta(
            description="Indexes on the board's table: `[status]` or `{columns: [due_date], unique: true}`. With "
            "`match`, on the boards that have all of the columns."
        ),
    ] = []
    columns: Annotated[dict[str, ColumnSettings], Meta(description="Overrides, by column id.")] = {}


class DefaultSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for every board unless said otherwise."""

    keep_generations: Annotated[int, Meta(description="Generations kept for rollback, the live one counted.", ge=1)] = 5
    replace: Annotated[
        ReplaceWay,
        Meta(
            description="How a new generation takes the place of the live one. `swap` exchanges the tables; `in_place` "
            "empties and refills them in one transaction, so that what is built on them stays, where the engine can."
        ),
    ] = "swap"
    types: Annotated[
        dict[str, str], Meta(description="SQL type by monday column type, such as `numbers: decimal(18,4)`.")
    ] = {}
    max_shrink: Annotated[
        float, Meta(description="Largest share of rows a table may lose against the live one.", ge=0, le=1)
    ] = 0.2
    mode: Annotated[
        ReadMode,
        Meta(description="How boards are read: `full`, every item every time, or `incremental`, what has changed."),
    ] = "full"
    reconcile: Annotated[
        Schedule,
        Meta(description="How often an incremental board is read in full all the same."),
    ] = "daily"
    sweep: Annotated[
        Schedule,
        Meta(
            description="How often the ids and change times of all items of an incremental board are compared with the "
            "table, which finds what monday's log did not tell."
        ),
    ] = "daily"
    overlap: Annotated[
        int,
        Meta(
            description="Seconds before the last read that are read again, for monday's log and lists lag behind.",
            ge=30,
            le=86400,
        ),
    ] = 300
    max_deletes: Annotated[
        float,
        Meta(
            description="Largest share of the live rows that may vanish from an incremental board in one run; a few "
            "rows always may.",
            ge=0,
            le=1,
        ),
    ] = 0.1


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    destination: Annotated[
        str, Meta(description="Where tables land: `duckdb:///warehouse.duckdb`, `postgresql://user@host/db`.")
    ]
    account: AccountSettings = AccountSettings()
    namespace: Annotated[
        str, Meta(description="Database schema of the live tables.", pattern=r"^[a-z_][a-z0-9_]{0,40}$")
    ] = "monday"
    defaults: DefaultSettings = DefaultSettings()
    boards: Annotated[list[BoardSettings], Meta(description="What to lift; everything readable when left out.")] = (
        msgspec.field(default_factory=lambda: [BoardSettings(match="*")])
    )
    state: Annotated[str, Meta(description="Folder for the ledger and the spool.")] = ".boardlift"


def json_schema() -> dict[str, object]:
    """The JSON schema of boardlift.yaml, for editors."""
    return msgspec.json.schema(Settings)
