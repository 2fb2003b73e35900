"""Keeps the condition and the finalizer of ServiceCIDRs."""
