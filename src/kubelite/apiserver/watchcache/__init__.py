"""The watch cache: every object as encoded bytes, the recent changes, and the watchers that follow them."""
