"""Domain maths that several components share: pure functions over API objects, no I/O."""
