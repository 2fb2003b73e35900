"""Gives each node its range of pod addresses."""
