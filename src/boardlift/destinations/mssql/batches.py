"""An Arrow stream on its way into a SQL Server table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from boardlift.destinations.interface import ArrowStream
from boardlift.destinations.mssql.ddl import key_widths
from boardlift.destinations.mssql.sql import utf16_units
from boardlift.errors import UNCHANGED, DestinationError
from boardlift.shape.table import Table
from boardlift.shape.types import Kind, SqlType

_LEAST = 2.2250738585072014e-308  # SQL Server's FLOAT has no smaller one but zero

_ARROW: dict[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int32(),
    Kind.BIGINT: pa.int64(),
    Kind.DOUBLE: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.time64("us"),
    Kind.TIMESTAMP: pa.timestamp("us", "UTC"),
    Kind.JSON: pa.string(),
}


class Batches:
    """A stream in the exact types that the table's columns take, counted and measured as it passes.

    The driver reads it from native code and tells no more of an error here than that there was one: it is kept in
    `failure`.
    """

    def __init__(self, table: Table, source: ArrowStream) -> None:
        self.rows = 0
        self.failure: BaseException | None = None
        self._table = table
        self._widths = [key_widths(table).get(column.name) for column in table.columns]
        self._schema = pa.schema([(column.name, arrow_type(column.type)) for column in table.columns])
        self._source = pa.RecordBatchReader.from_stream(source)
        if len(self._source.schema) != len(self._schema):
            raise DestinationError(
                f"{table.name} has {len(self._schema)} columns, its rows have {len(self._source.schema)}. {UNCHANGED}"
            )

    def reader(self) -> pa.RecordBatchReader | None:
        """What the driver reads, None when no row comes. The first batch is looked at before anything is sent."""
        batches = self._batches()
        for first in batches:
            return pa.RecordBatchReader.from_batches(self._schema, self._kept(chain([first], batches)))
        return None

    def _kept(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except BaseException as error:
            self.failure = error
            raise

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._source:
            if not batch.num_rows:
                continue
            arrays = [_cast(array, field.type) for array, field in zip(batch.columns, self._schema, strict=True)]
            for place, width in enumerate(self._widths):
                if width is not None:
                    self._refuse_longer(arrays[place], place, width)
            for place, column in enumerate(self._table.columns):
                if column.type.kind is Kind.DOUBLE:
                    arrays[place] = self._representable(arrays[place], column.name)
            self.rows += batch.num_rows
            yield pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _representable(self, numbers: pa.Array, column: str) -> pa.Array:
        """As they are, those nearer to zero than any FLOAT as zero. Raises DestinationError for NaN and infinity."""
        odd = pc.filter(numbers, pc.invert(pc.is_finite(numbers)))
        if len(odd):
            raise DestinationError(
                f"A value of {self._table.name}.{column} is {odd[0].as_py()}, but SQL Server has neither NaN nor"
                f" infinity. {UNCHANGED}",
                hint="change it on the board, or exclude the column in boardlift.yaml",
            )
        return pc.if_else(pc.less(pc.abs(numbers), _LEAST), 0.0, numbers)

    def _refuse_longer(self, texts: pa.Array, place: int, width: int) -> None:
        # No text has more units of UTF-16 than bytes of UTF-8: few have to be looked at one by one.
        for text in pc.filter(texts, pc.greater(pc.binary_length(texts), width)):
            units = utf16_units(text.as_py())
            if units > width:
                column = self._table.columns[place].name
                raise DestinationError(
                    f"A value of {self._table.name}.{column} has {units:,} characters, but SQL Server keeps {width:,}"
                    f" of a column in a key or an index: {text.as_py()[:60]!r}... {UNCHANGED}",
                    hint="shorten it on the board, or exclude the column in boardlift.yaml",
                )


def arrow_type(type_: SqlType) -> pa.DataType:
    """The Arrow type that the driver's bulk copy takes for a column of our type."""
    if type_.kind is Kind.DECIMAL:
        return pa.decimal128(type_.precision, type_.scale)
    return _ARROW[type_.kind]


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    return array if array.type == wanted else array.cast(wanted)
