"""Webhooks and policies of admissionregistration.k8s.io/v1."""
