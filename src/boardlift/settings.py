"""boardlift.yaml, read once into frozen values. Unknown keys are errors, secrets hide themselves.

The structs below are the configuration: their JSON schema is published for editors and the reference page is
generated from them, so a field's description is written here and nowhere else.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta, Struct

from boardlift.errors import ConfigError

CONFIG_NAME = "boardlift.yaml"
DEFAULT_API_URL = "https://api.monday.com/v2"
DEFAULT_API_VERSION = "2026-10"
TOKEN_VARIABLE = "MONDAY_API_TOKEN"  # noqa: S105  the name of a variable, not a secret
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Secret:
    """A string that never shows itself: not in repr, str, a log record or a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('****')"

    __str__ = __repr__


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


class Loaded(Struct, frozen=True):
    """Settings together with where they came from. `folder` anchors relative paths."""

    settings: Settings
    folder: Path
    token: Secret
    destination: Secret
    secrets: tuple[Secret, ...] = ()

    @property
    def state_folder(self) -> Path:
        return self.folder / self.settings.state


def find_config(given: Path | None) -> Path:
    """The file named, or boardlift.yaml here or in a folder above. Raises ConfigError when there is none."""
    if given is not None:
        if given.is_file():
            return given
        raise ConfigError(f"There is no configuration file at {given}.", hint="run `boardlift init` to write one")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise ConfigError(
        f"There is no {CONFIG_NAME} in {here} or any folder above it.",
        hint="run `boardlift init` to write one, or name it with --config",
    )


def load(path: Path, *, token_required: bool = True) -> Loaded:
    """Read and check a configuration file.

    `${NAME}` is replaced from the environment after parsing, so a value can never change the file's structure.
    Raises ConfigError with the place in the file.
    """
    settings = _parse(path)
    _check_namespace(settings, path)
    _check_boards(settings, path)
    destination = _expand(settings.destination, f"{path}: destination")
    token = find_token(settings.account.token) if token_required else Secret("")
    return Loaded(
        settings=settings,
        folder=path.resolve().parent,
        token=token,
        destination=Secret(_anchor(destination, path.resolve().parent)),
        secrets=tuple(s for s in (token, _password(destination)) if s),
    )


def find_token(text: str) -> Secret:
    """The token from the text of the setting, the environment, or the keyring (service `boardlift`, user `token`)."""
    reference = _REFERENCE.fullmatch(text.strip())
    if not reference:
        return Secret(_expand(text, "account.token"))
    if value := os.environ.get(reference[1], "").strip():
        return Secret(value)
    if value := _from_keyring():
        return Secret(value)
    raise ConfigError(
        f"No monday.com API token: the environment variable {reference[1]} is not set, and the keyring holds none.",
        hint=f"export {reference[1]}=... (monday.com: your avatar > Developers > API token), then `boardlift doctor`",
    )


def json_schema() -> dict[str, object]:
    """The JSON schema of boardlift.yaml, for editors."""
    return msgspec.json.schema(Settings)


def _parse(path: Path) -> Settings:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The configuration {path} cannot be read: {error}.",
            hint="check the file's rights and its encoding (UTF-8)",
        ) from error
    try:
        document: object = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        # Its own words quote the line, which may hold the token or a password; so does the exception itself.
        raise ConfigError(
            f"The configuration {path} is not valid YAML{_place(error)}.",
            hint="mend the line named above (quote texts that hold `: `, `#`, `*`, `!` or brackets), "
            "then run `boardlift doctor`",
        ) from None
    if not isinstance(document, dict):
        raise ConfigError(f"The configuration {path} is empty.", hint="run `boardlift init` to write a new one")
    try:
        return msgspec.convert(document, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"The configuration {path} cannot be used: {error}.",
            hint="docs/reference/configuration.md lists every key",
        ) from error


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return ": it is nested too deep" if isinstance(error, RecursionError) else ": it holds a character YAML forbids"
    return f" at line {mark.line + 1}, column {mark.column + 1}"


_TAKEN = {"mysql", "sys", "performance_schema", "information_schema", "pg_catalog", "pg_toast"}
"""Namespaces that belong to an engine itself."""
_SUFFIXES = {
    "__boardlift": "boardlift keeps hidden tables",
    "_test": "`boardlift sync --test` puts its tables",
    "_rehearsal": "`boardlift rollback --rehearse` puts its copies",
}


def _check_namespace(settings: Settings, path: Path) -> None:
    """Two namespaces that boardlift makes from one name must never be a namespace of somebody else."""
    name = settings.namespace
    said = next((what for suffix, what in _SUFFIXES.items() if name.endswith(suffix)), "")
    if "__boardlift" in name or name in _TAKEN or said:
        raise ConfigError(
            f"{path}: `namespace: {name}` is taken: there "
            f"{said or ('the engine keeps its own tables' if name in _TAKEN else _SUFFIXES['__boardlift'])}.",
            hint="choose another name, such as `namespace: monday`",
        )


def _check_boards(settings: Settings, path: Path) -> None:
    from boardlift.shape.types import parse_type

    for number, board in enumerate(settings.boards):
        if (board.id is None) == (not board.match):
            raise ConfigError(
                f"{path}: boards[{number}] must have either an id or a match.",
                hint="`boardlift boards` lists the ids of all boards",
            )
        for column in board.columns.values():
            if column.type:
                parse_type(column.type)
    for text in settings.defaults.types.values():
        parse_type(text)


def _expand(text: str, where: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise ConfigError(
                f"{where} refers to the environment variable {match[1]}, which is not set.",
                hint=f"export {match[1]}=... and run the command again",
            )
        return found

    return _REFERENCE.sub(value, text)


def _anchor(destination: str, folder: Path) -> str:
    """Make the path of a database file relative to the configuration file, not to wherever the command was typed."""
    prefix, _, rest = destination.partition(":///")
    if (
        prefix not in {"duckdb", "sqlite"}
        or not rest
        or rest.startswith(("/", ":memory:"))
        or Path(rest.split("?")[0]).is_absolute()
    ):
        return destination
    name, question, query = rest.partition("?")
    return f"{prefix}:///{(folder / name).as_posix()}{question}{query}"


def _password(url: str) -> Secret:
    try:
        return Secret(urlsplit(url).password or "")
    except ValueError:
        return Secret("")


def _from_keyring() -> str:
    import keyring
    import keyring.errors

    try:
        return keyring.get_password("boardlift", "token") or ""
    except keyring.errors.KeyringError:
        return ""


def without_password(url: str) -> str:
    """A URL fit to be shown: the password, if any, is gone."""
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return url
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:****@{host}"))
    except ValueError:
        return "(not a URL)"
