"""Deletes nodes whose machines are gone, and marks those whose machines are shut down."""
