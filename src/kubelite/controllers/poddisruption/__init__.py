"""Tells how many pods of each budget may be disrupted now."""
