"""From monday's boards to tables: which columns, under which names and types, by which SQL expressions."""
