"""Tells kubelets how long they may believe what they have read."""
