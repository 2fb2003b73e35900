"""Copies hand-written Endpoints into EndpointSlices."""
