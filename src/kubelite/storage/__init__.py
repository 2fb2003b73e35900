"""The store behind the API server: one protocol (`interface`), three back ends, and `registry` that picks one."""
