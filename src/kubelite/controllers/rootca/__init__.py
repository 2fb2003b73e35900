"""Publishes the cluster's CA certificate in each namespace."""
