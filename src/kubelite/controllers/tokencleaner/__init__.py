"""Deletes bootstrap tokens that have expired."""
