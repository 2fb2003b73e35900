"""Questions about a cluster: `why` and `whatif`. They use the scheduler's own code, so they stand above it and the CLI."""
