"""Writes the EndpointSlices of each service with a selector."""
