"""Marks nodes that have fallen silent and moves their pods away."""
