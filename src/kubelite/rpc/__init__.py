"""Generated gRPC modules: `tools/generate_proto.py` makes them from `proto/*.proto`."""
