"""dlt loads one Parquet file; prints the seconds of its `run` alone, without start-up and imports.

python benchmarks/dlt_parquet.py rows.parquet folder duckdb FILE | postgres URL

Runs in a virtualenv of its own with `pip install "dlt[postgres,duckdb]" pyarrow`.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    parquet, folder, engine, where = sys.argv[1:]
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        # Both leave readers with the old rows until the new ones are complete; DuckDB has no other such way in dlt.
        "DESTINATION__REPLACE_STRATEGY": "insert-from-staging" if engine == "duckdb" else "staging-optimized",
    }
    import dlt
    import pyarrow.parquet as pq

    @dlt.resource(name="wide", write_disposition="replace")
    def rows() -> object:
        yield from pq.ParquetFile(parquet).iter_batches(50_000)

    destination = dlt.destinations.duckdb(where) if engine == "duckdb" else dlt.destinations.postgres(where)
    pipeline = dlt.pipeline(
        pipeline_name=f"parquet_{engine}", pipelines_dir=folder, destination=destination, dataset_name="dlt_rows"
    )
    started = time.perf_counter()
    file_format = "parquet" if engine == "duckdb" else "csv"
    pipeline.run(rows(), loader_file_format=file_format).raise_on_failed_jobs()
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
