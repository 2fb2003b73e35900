"""Removes what API servers that are gone have said about storage versions."""
