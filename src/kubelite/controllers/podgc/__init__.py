"""Removes pods that nobody will ever finish."""
