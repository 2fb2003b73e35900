"""The write path and the readers: what happens to an object between a request and the store, one file per verb."""
