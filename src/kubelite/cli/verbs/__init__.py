"""One module per verb; `kubelite.cli.registry` lists them."""
