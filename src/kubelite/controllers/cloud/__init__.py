"""The cloud controller manager: what depends on where the machines stand, behind a provider interface."""
