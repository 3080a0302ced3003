"""The column types a table may have, and how a person writes them in boardlift.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from boardlift.errors import ConfigError


class Kind(Enum):
    """The families of SQL types that every engine has in some form."""

    TEXT = "text"
    INTEGER = "integer"  # 32 bits
    BIGINT = "bigint"  # 64 bits
    DECIMAL = "decimal"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"  # of day, without a zone
    TIMESTAMP = "timestamp"  # an instant, stored in UTC
    JSON = "json"


@dataclass(frozen=True)
class SqlType:
    """A column type. `precision` and `scale` (digits) belong to DECIMAL alone."""

    kind: Kind
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.kind is Kind.DECIMAL else self.kind.value


TEXT = SqlType(Kind.TEXT)
INTEGER = SqlType(Kind.INTEGER)
BIGINT = SqlType(Kind.BIGINT)
DOUBLE = SqlType(Kind.DOUBLE)
BOOLEAN = SqlType(Kind.BOOLEAN)
DATE = SqlType(Kind.DATE)
TIME = SqlType(Kind.TIME)
TIMESTAMP = SqlType(Kind.TIMESTAMP)
JSON = SqlType(Kind.JSON)
NUMBER = SqlType(Kind.DECIMAL, 38, 10)

_SPELLINGS = {
    "text": TEXT,
    "string": TEXT,
    "varchar": TEXT,
    "integer": INTEGER,
    "int": INTEGER,
    "bigint": BIGINT,
    "double": DOUBLE,
    "float": DOUBLE,
    "boolean": BOOLEAN,
    "bool": BOOLEAN,
    "date": DATE,
    "time": TIME,
    "timestamp": TIMESTAMP,
    "timestamptz": TIMESTAMP,
    "json": JSON,
    "decimal": NUMBER,
    "numeric": NUMBER,
}
_DECIMAL = re.compile(r"(?:decimal|numeric)\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\)")


def parse_type(text: str) -> SqlType:
    """Read a type as written in boardlift.yaml: `text`, `bigint`, `decimal(18,2)`, ...

    Raises ConfigError for anything else, naming what would be accepted.
    """
    wanted = text.strip().lower()
    if wanted in _SPELLINGS:
        return _SPELLINGS[wanted]
    if match := _DECIMAL.fullmatch(wanted):
        precision, scale = int(match[1]), int(match[2] or 0)
        if 1 <= precision <= 38 and scale <= precision:
            return SqlType(Kind.DECIMAL, precision, scale)
    raise ConfigError(
        f"{text!r} is not a column type.",
        hint=f"use one of {', '.join(sorted(_SPELLINGS))} or decimal(precision,scale) with a precision up to 38",
    )
