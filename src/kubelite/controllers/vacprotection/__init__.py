"""Keeps classes of volume attributes while claims or volumes have them."""
