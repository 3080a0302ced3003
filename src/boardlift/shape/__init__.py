"""Relational vocabulary: types, columns, tables, names, changes, safe SQL. No vendor, no driver."""
