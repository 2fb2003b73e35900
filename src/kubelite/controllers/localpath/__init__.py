"""Makes volumes of directories on the nodes, for clusters without other storage."""
