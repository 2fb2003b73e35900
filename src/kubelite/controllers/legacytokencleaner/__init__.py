"""Removes tokens in Secrets that a cluster once made by itself and that nobody uses."""
