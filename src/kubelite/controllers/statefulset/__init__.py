"""Pods with names and storage of their own, one after the other."""
