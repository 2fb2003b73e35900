"""Rolls a Deployment's pods from one template to the next."""
