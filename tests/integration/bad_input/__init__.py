"""Whatever a client sends, it gets upstream's status code, reason and words, and the server stays up and keeps its objects."""
