"""The destination of docs/how-to/write-a-destination.md passes the suite as it stands on the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support.examples import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "write-a-destination.md"


def test_the_example_passes_the_suite(tmp_path: Path) -> None:
    """Every part of it but the readers, who take their time and are tried with every engine of ours."""
    (text,) = [block.text for block in blocks(PAGE) if block.text.startswith("# test_warehouse.py")]
    (tmp_path / "test_warehouse.py").write_text(text, encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-k", "not readers"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_warehouse.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) > 50, done.stdout
