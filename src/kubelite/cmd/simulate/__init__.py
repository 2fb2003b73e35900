"""Simulated nodes for people: many kubelets in one process whose containers only pretend to run.

Flow: `command.py` (flags) → `fleet.py` (one pod watch for all nodes, heartbeats) → the kubelet's own pod workers, plan and
status → `runtime.py` (pretends) as `script.py` says. What of the kubelet is used and what is not:
docs/adr/0017-simulated-nodes.md.
"""
