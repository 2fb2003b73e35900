"""Admission by policies: expressions that the API server evaluates itself."""
