"""The same script for PostgreSQL: what DuckDB makes of the pages goes out as Arrow through ADBC's binary COPY.

python benchmarks/bare_postgres.py http://127.0.0.1:8065/v2 sandbox-token-not-a-secret folder postgresql://...
"""

from __future__ import annotations

from pathlib import Path

import duckdb
from adbc_driver_postgresql import dbapi

from bare_pages import arguments, download


def main() -> None:
    url, token, folder, destination = arguments(4)
    select = download(url, token, Path(folder) / "items.ndjson", nul=False)
    with duckdb.connect() as engine, dbapi.connect(destination) as connection, connection.cursor() as cursor:
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute("SET preserve_insertion_order = false")
        cursor.execute("DROP TABLE IF EXISTS benchmark")
        cursor.adbc_ingest("benchmark", engine.sql(select).to_arrow_reader(10_000), mode="create")
        connection.commit()


if __name__ == "__main__":
    main()
