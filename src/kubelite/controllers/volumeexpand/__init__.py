"""Tells who enlarges a volume whose claim has grown."""
