"""What was read, on disk: sealed windows of items and a manifest. The hand-over between reading and loading."""

from boardlift.spool.idsum import id_sum_sql, mix
from boardlift.spool.page import Page
from boardlift.spool.run import SpoolRun, prune
from boardlift.spool.window import Window, WindowWriter

__all__ = ["Page", "SpoolRun", "Window", "WindowWriter", "id_sum_sql", "mix", "prune"]
