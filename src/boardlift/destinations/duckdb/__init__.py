"""DuckDB. `engine.py` fulfils the Protocol; each other file holds one thought."""
