"""Signs the cluster's public description with each bootstrap token."""
