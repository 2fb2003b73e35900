"""Keeps the provider's routes to the nodes' pods."""
