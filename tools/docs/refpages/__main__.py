"""Write the reference pages, or with --check say which of them are stale."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from refpages import cli, columns, configuration, decisions, errors, tables

FOLDER = Path(__file__).parents[3] / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli.render,
    "configuration.md": configuration.render,
    "boardlift.schema.json": configuration.render_schema,
    "column-types.md": columns.render,
    "errors.md": errors.render,
    "checks.md": tables.render_checks,
    "destinations.md": tables.render_destinations,
    "tables.md": tables.render_tables,
    "recorded-decisions.md": decisions.render,
}


def rendered() -> dict[str, str]:
    """Every page by its file name; the one that needs the recordings only where they are."""
    if decisions.available():
        return {name: render() for name, render in PAGES.items()}
    return {name: render() for name, render in PAGES.items() if render is not decisions.render}


def stale(pages: dict[str, str]) -> list[str]:
    """Names of pages that differ from what the code says."""
    return [name for name, text in pages.items() if not _same(FOLDER / name, text)]


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is stale")
    given = parser.parse_args()
    pages = rendered()
    skipped = sorted(set(PAGES) - set(pages))
    if skipped:
        print(f"left as it is, for the recorded answers are not here: {', '.join(skipped)}", file=sys.stderr)
    behind = stale(pages)
    if given.check:
        if behind:
            print(f"error: stale: {', '.join(behind)}\n\nhint: run scripts/docs", file=sys.stderr)
        return int(bool(behind))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in behind:
        (FOLDER / name).write_text(pages[name], encoding="utf-8")
        print(f"wrote docs/reference/{name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
