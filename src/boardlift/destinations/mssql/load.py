"""Rows into a staged SQL Server table: Arrow batches through the driver's bulk copy, no cell touched in Python.

The driver ends a bulk copy in good order when the stream that it reads breaks off, so that the server keeps the rows
that had come. A table that was empty is emptied again then; into one that has rows only a stream is sent that was read
to its end before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

import pyarrow as pa

from boardlift.destinations.interface import ArrowStream, StagedRef
from boardlift.destinations.mssql.batches import Batches
from boardlift.destinations.mssql.errors import DRIVER_ERRORS
from boardlift.destinations.mssql.inspect import whole
from boardlift.destinations.mssql.session import Session
from boardlift.destinations.mssql.sql import Name, batch
from boardlift.errors import UNCHANGED, DestinationError
from boardlift.shape.sql import SQL


class Loading:
    """The staged tables of one program, and how many rows each has got."""

    def __init__(self, hidden: str) -> None:
        self._hidden = hidden
        self._rows: dict[str, int | None] = {}  # None when they are not known any more

    def begin(self, place: str) -> None:
        """A staged table was made and is empty."""
        self._rows[place] = 0

    def append(self, session: Session, staged: StagedRef, rows: ArrowStream) -> int:
        """Add the rows of a stream. Returns how many; on failure the table has those that it had.

        Raises DestinationError, the driver's errors, or Arrow's for a value that its column cannot take.
        """
        place = staged.hidden_name
        had = self._rows.get(place)
        if had is None:
            raise DestinationError(
                f"The staged table {place} may hold rows of a load that failed. {UNCHANGED}",
                hint="run the same command again: it is staged anew",
            )
        batches = Batches(staged.table, rows)
        opened: AbstractContextManager[pa.RecordBatchReader | None]
        opened = spooled(batches) if had else nullcontext(batches.reader())
        with opened as reader:
            if reader is None:
                return 0
            self._send(session, staged, batches, reader, had)
        self._rows[place] = had + batches.rows
        return batches.rows

    def _send(
        self, session: Session, staged: StagedRef, batches: Batches, reader: pa.RecordBatchReader, had: int
    ) -> None:
        target = Name(self._hidden, staged.hidden_name).text
        try:
            _refuse_fewer(session.load(target, reader), batches.rows, staged)
        except BaseException as error:
            self._restore(session, staged.hidden_name, had)
            # What broke the stream, and not what the driver makes of it.
            if batches.failure is not None and batches.failure is not error:
                raise batches.failure from error
            native = isinstance(error, _NATIVE)
            raise (RuntimeError(str(error)) if native else error) from error.__cause__

    def _restore(self, session: Session, place: str, had: int) -> None:
        """Leave no row of a load that failed; where that cannot be made sure, nothing more is loaded into the table."""
        self._rows[place] = None
        target = Name(self._hidden, place)
        with suppress(*DRIVER_ERRORS):
            if not had:
                session.send(batch([SQL("TRUNCATE TABLE {}").format(target)]))
            counted = session.send(batch([SQL("SELECT COUNT_BIG(*) AS n FROM {}").format(target)]))
            if whole(counted[0][0]) == had:
                self._rows[place] = had


_NATIVE = (OSError, TypeError, ValueError)  # what the native part of the driver raises beside RuntimeError


def _refuse_fewer(sent: int, rows: int, staged: StagedRef) -> None:
    if sent != rows:
        raise DestinationError(
            f"The driver sent {sent:,} of {rows:,} rows of {staged.table.name}. {UNCHANGED}",
            hint="run the same command again",
        )


@contextmanager
def spooled(batches: Batches) -> Iterator[pa.RecordBatchReader | None]:
    """A stream that was read to its end, into a temporary file; None when it has no rows."""
    reader = batches.reader()
    if reader is None:
        yield None
        return
    with tempfile.TemporaryFile(prefix="boardlift") as file:
        with pa.ipc.new_stream(file, reader.schema) as writer:
            try:
                for each in reader:
                    writer.write_batch(each)
            except pa.ArrowException as error:
                raise batches.failure or error from error
        file.seek(0)
        with pa.ipc.open_stream(file) as whole_stream:
            yield whole_stream
