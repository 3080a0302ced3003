"""Log records: structured, ASCII only, free of secrets, on standard error.

Titles hold emoji, right-to-left text and control characters; a log that is tailed, grepped and mailed at night must
not. Everything outside printable ASCII is written as an escape, so a record can always be read back exactly.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

HIDDEN = "****"


def scrub(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of `secrets`."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    return text


def ascii_only(text: str) -> str:
    """Printable ASCII; everything else as a backslash escape."""
    return "".join(ch if " " <= ch <= "~" else ch.encode("unicode_escape").decode("ascii") for ch in text)


def open_log(*, as_json: bool, secrets: Iterable[str] = (), stream: TextIO | None = None) -> FilteringBoundLogger:
    """A logger that writes one line a record: JSON for machines, `time level event key=value` for people."""
    import structlog

    hidden = tuple(secrets)

    def render(_logger: object, _method: str, record: MutableMapping[str, object]) -> str:
        if as_json:
            return scrub(json.dumps(record, ensure_ascii=True, default=str), hidden)
        head = f"{record.pop('timestamp')} {record.pop('level'):<7} {record.pop('event')}"
        rest = " ".join(f"{key}={_spoken(value)}" for key, value in record.items())
        return scrub(ascii_only(f"{head} {rest}".rstrip()), hidden)

    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return logger


def _spoken(value: object) -> str:
    text = str(value)
    return json.dumps(text) if not text or any(ch in text for ch in ' "=\n\t') else text
