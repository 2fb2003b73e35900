"""Signs approved certificate requests with the cluster's authority."""
