"""Gives Services of type LoadBalancer their load balancers."""
