"""Rows into a staged PostgreSQL table: Arrow batches through ADBC's binary COPY, no cell touched in Python."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from adbc_driver_postgresql import dbapi

from boardlift.destinations.interface import ArrowStream
from boardlift.errors import DestinationError
from boardlift.shape.table import Table
from boardlift.shape.types import Kind, SqlType

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
_JSONB_VERSION = pa.scalar("\x01")
_ESCAPED_NUL = r"\u0000"
# An even number of backslashes before it: \\u0000 is a backslash and four digits.
_ESCAPED_NULS = r"((?:^|[^\\])(?:\\\\)*)(?:\\u0000)+"


def load(connection: dbapi.Connection, namespace: str, place: str, table: Table, rows: ArrowStream) -> int:
    """Append a stream to `namespace.place` and commit; the number of rows it had. Raises the driver's errors."""
    counted = _Batches(table, pa.RecordBatchReader.from_stream(rows))
    try:
        with connection.cursor() as cursor:
            cursor.adbc_ingest(place, counted.reader(), mode="append", db_schema_name=namespace)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return counted.rows


class _Batches:
    """A stream on its way, in the exact types that the table's columns take, counted as it passes."""

    def __init__(self, table: Table, source: pa.RecordBatchReader) -> None:
        self.rows = 0
        self._source = source
        self._json = [number for number, column in enumerate(table.columns) if column.type.kind is Kind.JSON]
        self._schema = pa.schema([(column.name, arrow_type(column.type)) for column in table.columns])
        if len(source.schema) != len(self._schema):
            raise DestinationError(f"{table.name} has {len(self._schema)} columns, its rows have {len(source.schema)}.")

    def reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._source:
            self.rows += batch.num_rows
            arrays = [_cast(array, field.type) for array, field in zip(batch.columns, self._schema, strict=True)]
            for number in self._json:
                arrays[number] = _jsonb(arrays[number])
            yield pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def arrow_type(type_: SqlType) -> pa.DataType:
    """The Arrow type whose binary COPY form is that of our type in PostgreSQL."""
    if type_.kind is Kind.DECIMAL:
        return pa.decimal128(type_.precision, type_.scale)
    return _ARROW[type_.kind]


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    return array if array.type == wanted else array.cast(wanted)


def _jsonb(texts: pa.Array) -> pa.Array:
    """The wire form of jsonb is a version byte and the text. It cannot hold U+0000, not even escaped."""
    import pyarrow.compute as pc  # 8 MB that tables without JSON need not carry

    if pc.any(pc.match_substring(texts, _ESCAPED_NUL)).as_py():
        texts = pc.replace_substring_regex(texts, pattern=_ESCAPED_NULS, replacement=r"\1")
    return pc.binary_join_element_wise(_JSONB_VERSION, texts, "")
