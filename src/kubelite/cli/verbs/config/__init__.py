"""`config`: read and change kubeconfig files."""
