"""Keeps volumes while they are bound."""
