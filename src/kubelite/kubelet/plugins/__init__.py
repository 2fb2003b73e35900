"""Plugins of the node: programs that offer something to the kubelet by a socket in `<root_dir>/plugins_registry`."""
