"""A directory with a kustomization → its objects.

What: `build`. Why: see the package. Flow: resources and components of the file, in order → generated objects → patches →
transformers; at the top also hashes, references and the order of the output. Rules: kustomize api/internal/target.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.kustomize import generators, patches, references, transformers
from kubelite.cli.kustomize.load import FILES, inside, load
from kubelite.cli.kustomize.order import ordered
from kubelite.cli.kustomize.resource import Resource
from kubelite.cli.session import Object

DEPRECATED = {
    "commonLabels": "'commonLabels' is deprecated. Please use 'labels' instead.",
    "bases": "'bases' is deprecated. Please use 'resources' instead.",
    "patchesStrategicMerge": "'patchesStrategicMerge' is deprecated. Please use 'patches' instead.",
    "patchesJson6902": "'patchesJson6902' is deprecated. Please use 'patches' instead.",
}
_FIX = " Run 'kustomize edit fix' to update your Kustomization automatically."


def build(directory: str) -> tuple[list[Object], list[str]]:
    """(objects in order, warnings). Raises CliError with what cannot be read or is not supported."""
    root = Path(directory)
    if not root.is_dir():
        missing = f"evalsymlink failure on '{directory}' : lstat {directory}: no such file or directory"
        raise CliError(f"must build at directory: not a valid directory: {missing}")
    warnings: list[str] = []
    resources: list[Resource] = []
    _accumulate(root.resolve(), resources, warnings, ())
    for resource in resources:
        if resource.hashed:
            resource.rename(generators.hashed_name(resource))
    references.update(resources)
    return [resource.object for resource in ordered(resources)], warnings


def _accumulate(directory: Path, resources: list[Resource], warnings: list[str], above: tuple[Path, ...]) -> None:
    """Adds the resources of a kustomization, changed as it says, to `resources`; a component changes those too."""
    here = directory.resolve()
    if here in above:
        raise CliError(f"cycle detected: candidate root '{directory}' contains visited root '{here}'")
    fields = load(directory)
    warnings += [f"# Warning: {text}{_FIX}" for name, text in DEPRECATED.items() if fields.get(name)]
    is_component = fields.get("kind") == "Component"
    own = resources if is_component else []
    for path in (*(fields.get("resources") or ()), *(fields.get("bases") or ())):
        _load_resource(directory, str(path), own, warnings, (*above, here))
    generators.generate(fields, directory, own)
    for path in fields.get("components") or ():
        if not (directory / str(path)).is_dir():
            raise CliError(f"accumulating components: '{path}' is not a directory")
        _accumulate(directory / str(path), own, warnings, (*above, here))
    patches.apply(fields, directory, own)
    transformers.transform(fields, own)
    if not is_component:
        _check_unique([*resources, *own])
        resources += own


def _load_resource(
    directory: Path, path: str, resources: list[Resource], warnings: list[str], above: tuple[Path, ...]
) -> None:
    from kubelite.machinery import yamlcodec

    if "://" in path or path.startswith("github.com/"):
        raise CliError(f"remote resources are not supported by kubelite: {path}")
    target = directory / path
    if target.is_dir():
        if not any((target / name).is_file() for name in FILES):
            load(target)
        _accumulate(target, resources, warnings, above)
        return
    if not target.is_file():
        missing = f"evalsymlink failure on '{target}' : lstat {target}: no such file or directory"
        raise CliError(
            f"accumulating resources: accumulation err='accumulating resources from '{path}': {missing}': must build at "
            f"directory: not a valid directory: {missing}"
        )
    try:
        documents = [one for one in yamlcodec.load_all(inside(directory, path).read_bytes()) if one is not None]
    except yamlcodec.YAMLError as error:
        raise CliError(f"accumulating resources from '{path}': MalformedYAMLError: {error} in File: {path}") from error
    for document in documents:
        for obj in _items(document, path):
            resources.append(Resource(obj))
    _check_unique(resources)


def _items(document: Any, path: str) -> list[Object]:
    if not isinstance(document, dict) or not document.get("kind"):
        raise CliError(f"accumulating resources from '{path}': missing Resource metadata")
    if str(document["kind"]).endswith("List") and isinstance(document.get("items"), list):
        return [one for item in document["items"] for one in _items(item, path)]
    if not (document.get("metadata") or {}).get("name"):
        raise CliError(f"accumulating resources from '{path}': missing metadata.name in object {{{document['kind']}}}")
    return [document]


def _check_unique(resources: list[Resource]) -> None:
    seen: set[tuple[str, str, str, str]] = set()
    for one in resources:
        identity = (one.group, one.kind, one.namespace, one.name)
        if identity in seen:
            raise CliError(
                "may not add resource with an already registered id: "
                f"{one.kind}.{one.object.get('apiVersion')}/{one.name}.{one.namespace or '[noNs]'}"
            )
        seen.add(identity)
