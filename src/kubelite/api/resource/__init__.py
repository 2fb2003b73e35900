"""The kinds of resource.k8s.io/v1: devices, and claims for them."""
