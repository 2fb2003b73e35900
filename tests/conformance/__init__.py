"""The behaviours that a conformant cluster must show, one test each; `behaviours.yaml` lists them."""
