"""Writes the Endpoints object of each service with a selector."""
