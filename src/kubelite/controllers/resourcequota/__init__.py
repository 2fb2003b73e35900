"""Finds out what of each quota is used, and gives back what is free again."""
