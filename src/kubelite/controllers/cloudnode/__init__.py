"""Tells nodes what the cloud knows of them."""
