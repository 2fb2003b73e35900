"""Volumes of CSI drivers: programs on the node that mount what they know, told to by gRPC."""
