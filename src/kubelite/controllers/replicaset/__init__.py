"""Keeps the wanted number of pods for a ReplicaSet or ReplicationController."""
