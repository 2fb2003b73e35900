"""Keeps volume claims while pods use them."""
