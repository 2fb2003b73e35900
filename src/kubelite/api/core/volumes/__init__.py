"""PersistentVolume and PersistentVolumeClaim, and the rules that they share."""
