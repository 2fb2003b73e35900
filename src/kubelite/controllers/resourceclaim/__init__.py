"""Makes claims of devices for pods, and takes devices back from pods that are done."""
