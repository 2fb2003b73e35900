"""What the API shows of a pod: computed here (pure), written by the manager."""
