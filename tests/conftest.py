"""Fixtures that any test may ask for."""

from __future__ import annotations

import signal

from support.mariadb import mariadb_servers, mariadb_url
from support.postgres import postgres_server, postgres_url

__all__ = ["mariadb_servers", "mariadb_url", "postgres_server", "postgres_url"]

# A shell starts what runs in its background with Ctrl-C ignored, and every child inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
