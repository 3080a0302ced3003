"""Where tables land. `interface.py` is the promise; each engine is one file; `registry.py` maps a URL to its engine."""
