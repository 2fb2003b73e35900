"""HTTP/1.1 for the API server: the asyncio protocol, the head of answers, and the listener. Knows nothing of resources."""
