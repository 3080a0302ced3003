"""manifest.json: the completeness certificate of one run's reading. What was counted, what came, and at what cost."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct, field

from boardlift.errors import BoardliftError
from boardlift.spool.files import explained, replace_file

NAME = "manifest.json"
FORMAT = 1


class WindowEntry(Struct):
    """One sealed window. `file` is relative to the run's folder; `cursor` is where the next window begins."""

    file: str
    number: int
    pages: int
    items: int
    id_sum: int
    largest_item: int
    has_nul: bool
    cell_order: tuple[str, ...]
    sha256: str
    nbytes: int
    raw_bytes: int
    cursor: str | None = None
    request_id: str = ""
    first_created: str = ""


class SpanState(Struct):
    """A span of creation times of a board, as of what lies sealed; what another run needs to go on with it.

    `since` and `until` bound it (the first within, the second outside; empty for no bound). Everything created before
    `low` was taken from below, and of those created at `low` the `low_ids`; `high` and `high_ids` likewise from above.
    """

    since: str = ""
    until: str = ""
    low: str = ""
    low_ids: list[int] = field(default_factory=list)
    high: str = ""
    high_ids: list[int] = field(default_factory=list)
    done: bool = False


class BoardEntry(Struct):
    """One board. `expected` is monday's own count before reading, None when it gave none; `received` is spooled.

    `reading` is a digest of what was asked, `began_at` when the first of these windows was; without `spans` the windows
    are of no use to another run. `resumed` of the items were taken over, after `adoptions` interruptions. `settled`
    says what came of a count that did not fit.
    """

    board_id: str
    expected: int | None = None
    received: int = 0
    id_sum: int = 0
    complete: bool = False
    limited: bool = False
    restarts: int = 0
    attempt: int = 1
    calls: int = 0
    points: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    served_version: str = ""
    errors: list[str] = field(default_factory=list)
    reading: str = ""
    began_at: str = ""
    resumed: int = 0
    adoptions: int = 0
    settled: list[str] = field(default_factory=list)
    spans: list[SpanState] = field(default_factory=list)
    windows: list[WindowEntry] = field(default_factory=list)


class Manifest(Struct):
    """All boards of one run, by id. When `void`, what was read may be at fault and is of no use to another run."""

    run_id: str
    format: int = FORMAT
    api_version: str = ""
    started_at: str = ""
    void: bool = False
    boards: dict[str, BoardEntry] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every board was read to its last page and all that was counted has come."""
        return all(
            board.complete and not board.limited and board.expected in {None, board.received}
            for board in self.boards.values()
        )


def read(folder: Path) -> Manifest:
    """The manifest of a run's folder. Raises BoardliftError when there is none or it cannot be read."""
    path = folder / NAME
    with explained(path):
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BoardliftError(
            f"The manifest {path} cannot be read: {error}.", hint="discard this run's spool and run again"
        ) from error


def write(folder: Path, manifest: Manifest, *, durable: bool = False) -> None:
    """Replace the manifest in one step."""
    replace_file(folder / NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=1), durable=durable)
