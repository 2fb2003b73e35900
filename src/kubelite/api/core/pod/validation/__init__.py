"""Validation of pods and pod templates, one module for each part of the spec."""
