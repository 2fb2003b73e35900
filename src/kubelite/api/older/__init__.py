"""Versions of kinds that Kubernetes has ceased to serve and kubelite still takes: see docs/adr, old API versions."""
