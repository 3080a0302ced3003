"""Fixtures that any test may ask for."""

from __future__ import annotations

from support.mariadb import mariadb_servers, mariadb_url
from support.postgres import postgres_server, postgres_url

__all__ = ["mariadb_servers", "mariadb_url", "postgres_server", "postgres_url"]
