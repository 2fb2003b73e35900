"""The Pod kind: declaration, defaults, validation by part, and table columns."""
