"""Asks CSI drivers to attach volumes to the nodes of their pods, and to detach them."""
