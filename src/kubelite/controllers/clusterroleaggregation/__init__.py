"""Puts the rules of other ClusterRoles into those that aggregate them."""
