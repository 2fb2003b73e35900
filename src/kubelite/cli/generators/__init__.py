"""`create KIND`: one module per kind that kubectl can make from flags."""
