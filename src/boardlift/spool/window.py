"""A window: a sealed run of consecutive pages of one board. Nothing but the current page is held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zstandard

from boardlift.errors import BoardliftError
from boardlift.spool.files import explained, open_private
from boardlift.spool.idsum import mix
from boardlift.spool.manifest import SpanState
from boardlift.spool.page import Page, cell_order, created_at, item_number

LEVEL = 1
_NUL = b"\\u0000"


@dataclass(frozen=True)
class Window:
    """A sealed window: one zstd file with one item a line, each exactly as monday sent it.

    `items` is a count; `id_sum` the order-independent sum of `idsum.mix`; `largest_item` in bytes; `nbytes` the size of
    the file, `raw_bytes` of what is in it. `has_nul` tells that an item holds the escape of U+0000, which PostgreSQL
    refuses. `cell_order` are the column ids as the first item gives them, `first_created` is when that item was made.
    """

    path: Path
    board_id: str
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
    first_created: str = ""


class WindowWriter:
    """Collects the pages of one window. `add` pages, then `seal`, or `abandon`; made by `SpoolRun.window_writer`."""

    def __init__(
        self, path: Path, board_id: str, number: int, sealed: Callable[[Window, Page, Sequence[SpanState]], None]
    ) -> None:
        self.path = path
        self.board_id = board_id
        self.number = number
        self.pages = 0
        self.items = 0
        self.raw_bytes = 0
        self._sealed = sealed
        self._last: Page | None = None
        self._id_sum = 0
        self._largest = 0
        self._has_nul = False
        self._cells: tuple[str, ...] = ()
        self._first_created = ""
        self._draft = path.with_name(path.name + ".partial")
        self._file = open_private(self._draft)
        self._packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        self._sha256 = hashlib.sha256()
        self._nbytes = 0

    def add(self, page: Page) -> None:
        """Append a page's items. Raises BoardliftError for a full disk, SourceError for an item without a usable id."""
        if page.board_id != self.board_id:
            raise ValueError(f"a page of board {page.board_id} in a window of board {self.board_id}")
        if page.items:
            ids = [item_number(item) for item in page.items]
            lines = _lines(page)
            self._write(self._packer.compress(lines))
            self._count(page, ids, lines)
        self.pages += 1
        # Only the frame is needed later; holding the page would hold its bytes.
        self._last = Page(
            page.board_id, page.number, (), page.cursor, 0, page.nbytes, page.request_id, page.served_version
        )

    def _write(self, packed: bytes) -> None:
        self._sha256.update(packed)
        self._nbytes += len(packed)
        with explained(self._draft):
            self._file.write(packed)

    def _count(self, page: Page, ids: list[int], lines: bytes) -> None:
        if not self._cells:
            self._cells = cell_order(page.items[0])
            self._first_created = created_at(page.items[0])
        self.items += len(ids)
        self.raw_bytes += len(lines)
        self._id_sum += sum(map(mix, ids))
        self._largest = max(self._largest, *(memoryview(item).nbytes for item in page.items))
        self._has_nul = self._has_nul or _NUL in lines

    def seal(self, spans: Sequence[SpanState] = ()) -> Window:
        """Finish the file, give it its name, and enter it in the manifest with what of the board is taken by then.

        Raises BoardliftError when that fails.
        """
        if self._last is None:
            raise BoardliftError(f"A window of board {self.board_id} holds no page; it cannot be sealed.")
        self._write(self._packer.flush())
        with explained(self.path):
            self._file.close()
            self._draft.replace(self.path)
        window = Window(
            path=self.path,
            board_id=self.board_id,
            number=self.number,
            pages=self.pages,
            items=self.items,
            id_sum=self._id_sum,
            largest_item=self._largest,
            has_nul=self._has_nul,
            cell_order=self._cells,
            sha256=self._sha256.hexdigest(),
            nbytes=self._nbytes,
            raw_bytes=self.raw_bytes,
            first_created=self._first_created,
        )
        self._sealed(window, self._last, spans)
        return window

    def abandon(self) -> None:
        """Drop what was written. Never raises: it runs while another error is on its way."""
        try:
            self._file.close()
            self._draft.unlink(missing_ok=True)
        except OSError:
            return


def lines_of(path: Path) -> list[msgspec.Raw]:
    """The items of a sealed window. Raises BoardliftError when the file cannot be read."""
    with explained(path):
        packed = path.read_bytes()
    try:
        content = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    except zstandard.ZstdError as error:
        raise BoardliftError(
            f"The spool file {path} cannot be read: {error}.", hint="discard this run's spool and run again"
        ) from error
    return [msgspec.Raw(line) for line in content.split(b"\n") if line]


def _lines(page: Page) -> bytes:
    """The items, one a line. JSON escapes line breaks inside strings, so a raw one is white space a server put in."""
    lines = b"\n".join((*page.items, b""))
    if lines.count(b"\n") == len(page.items) and b"\r" not in lines:
        return lines
    return b"\n".join((*(msgspec.json.format(bytes(item), indent=-1) for item in page.items), b""))
