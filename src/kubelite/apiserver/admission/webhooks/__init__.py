"""Admission by webhooks: servers of others are asked about requests, over TLS."""
