"""Devices that pods claim: what there is, who has it, and what can be given (dynamic resource allocation)."""
