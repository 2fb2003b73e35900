"""`describe`: one module per kind, a generic one for all others."""
