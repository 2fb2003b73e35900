"""`-k DIRECTORY` and `kustomize`: objects from a kustomization.

What: `build(directory)` gives the objects. Why: people keep variants of manifests this way, and kubectl has it built in.
Flow: `load` reads the file → resources of it and of the directories it names → `generators` → `patches` → `transformers` →
`references` (names that others refer to) → `order`. Rules follow kustomize v5; what is not supported is refused by name.
"""

from kubelite.cli.kustomize.build import build

__all__ = ["build"]
