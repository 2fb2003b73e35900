"""Makes the claims of pods' ephemeral volumes."""
