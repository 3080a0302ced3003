"""The least that can be done: download the pages, let DuckDB's JSON reader make the table.

python benchmarks/bare_duckdb.py http://127.0.0.1:8065/v2 sandbox-token-not-a-secret folder
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from bare_pages import arguments, download


def main() -> None:
    url, token, folder = arguments(3)
    select = download(url, token, Path(folder) / "items.ndjson")
    with duckdb.connect(str(Path(folder) / "bare.duckdb")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"CREATE TABLE benchmark AS {select}")


if __name__ == "__main__":
    main()
