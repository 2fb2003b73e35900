"""Runs the pods of each Job until enough have succeeded, and counts each of them once."""
