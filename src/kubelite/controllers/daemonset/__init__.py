"""One pod on each node that wants it."""
