"""What webhooks and policies share: which requests concern them, what they are shown, and the variables of expressions."""
