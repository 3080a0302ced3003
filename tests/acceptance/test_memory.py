"""The memory of a whole sync hardly depends on how many items a board has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from boardlift.sandbox import Account, Sandbox
from support.commands import CommandLine, configuration

SMALL = 10_000
LARGE = 100_000 if os.environ.get("BOARDLIFT_WHOLE") else 30_000
# What the kernel says of this process alone; `ru_maxrss` begins with the size of the process that started it.
SYNC = """
import sys
from boardlift.cli import main
code = main(["sync", "--quiet"])
sys.stdout.flush()
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
sys.exit(code)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read from /proc")
def test_peak_memory_is_flat(tmp_path: Path) -> None:
    """Three times the items (ten times in a whole run) take at most 14 % more memory, and less than 240 MiB."""
    small, large = peak(tmp_path / "small", SMALL), peak(tmp_path / "large", LARGE)
    assert large < 240 * 1024
    assert large <= 1.14 * small


def peak(folder: Path, items: int) -> int:
    """KiB that a sync of one board into a DuckDB file held at most."""
    folder.mkdir()
    with Sandbox(Account.benchmark(items, 30)) as sandbox:
        text = configuration(sandbox.url, "duckdb:///warehouse.duckdb", account="timeout: 60")
        command = CommandLine(folder, token=sandbox.token, text=text.replace("  timeout: 20\n", ""))
        done = subprocess.run(
            [sys.executable, "-c", SYNC], cwd=folder, env=command.env, check=False, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])
