"""Deeds of the kubelet: what the plan decided, done over CRI and on the host's file system."""
