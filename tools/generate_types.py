"""Generate the typed API objects and their schemas from the published JSON schema of Kubernetes 1.36.

What: one module of msgspec Structs per group version under `src/kubelite/api/types/`, and one JSON file of schema facts
(types, formats, required fields, list-map keys, patch keys) per group version under `src/kubelite/api/schemas/`.
Why: names and shapes are published facts; writing 700 types by hand invites mistakes.
In: the PyPI package `kubernetes-validate` (a development dependency). Out: committed files, marked as generated.
Descriptions are left out: kubelite's own stand in `src/kubelite/api/descriptions/`.

Run `make generate`.
"""

from __future__ import annotations

import json
import keyword
import pathlib
import re
import sys
from typing import Any

import kubernetes_validate

RELEASE = "v1.36.0-local"
ROOT = pathlib.Path(__file__).resolve().parent.parent / "src" / "kubelite" / "api"
SKIPPED_VERSION = re.compile(r"v\d+(alpha|beta)\d+$")
# Versions that are not final and yet served, where a feature gate says so.
GATED = {"apiserverinternal_v1alpha1"}
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
ANY = {
    "io.k8s.apimachinery.pkg.runtime.RawExtension",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
}
# A schema or something simpler.
EITHER = {
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "list[JSONSchemaProps]",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "bool",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "list[str]",
}
# Kept as bytes: only field management reads them, and every decoder of an object passes them.
RAW = {"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"}
# Field names that would hide a type in the class body.
TAKEN = {"bool", "dict", "field", "float", "int", "list", "str"}
TIMES = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
}
# Strings whose empty value differs from their absence, or that clients require even when empty.
NULLABLE = {
    "PersistentVolumeClaimSpec.storageClassName",
    "PersistentVolumeClaimSpec.volumeAttributesClassName",
    "IngressSpec.ingressClassName",
    "LeaseSpec.holderIdentity",
    "CronJobSpec.timeZone",
    "PodSpec.hostnameOverride",
    "PodSpec.runtimeClassName",
    "PodSpec.preemptionPolicy",
    "ContainerStatus.image",
    "ContainerStatus.imageID",
    "ContainerStateTerminated.reason",
    "Condition.message",
    "Condition.reason",
    "EndpointSlice.endpoints",
    "EndpointPort.name",
    "ReplicaSetStatus.replicas",
    "SELinuxOptions.level",
    "ServiceSpec.clusterIP",
    "EnvVar.value",
    "GRPCAction.service",
    "HostPathVolumeSource.type",
}
# Structs that upstream always writes, so an absent one reads as an empty one.
ALWAYS = {"metadata", "spec", "status", "template", "strategy", "updateStrategy"}
ALWAYS_EXCEPT = {
    "ReplicationControllerSpec.template",
    "PersistentVolumeSpec.claimRef",
    "EphemeralVolumeSource.volumeClaimTemplate",
    "JobTemplateSpec.spec",
}


def short(name: str) -> tuple[str, str]:
    """`io.k8s.api.apps.v1.Deployment` → (`apps_v1`, `Deployment`)."""
    parts = name.split(".")
    group, version, kind = parts[-3], parts[-2], parts[-1]
    return f"{group}_{version}", kind


def module_of(name: str) -> str | None:
    if name in ANY or name in EITHER or name in TIMES or name in (QUANTITY, INT_OR_STRING):
        return None
    if name.startswith("io.k8s.apimachinery.pkg.version."):
        return "version_info"
    module, _ = short(name)
    if SKIPPED_VERSION.search(module) and module not in GATED:
        return None
    return module


def attribute(name: str) -> tuple[str, str | None]:
    """A field's Python name, and its wire name where the two differ."""
    if name.isidentifier() and not keyword.iskeyword(name) and name not in TAKEN:
        return name, None
    python = re.sub(r"\W", "_", name.lstrip("$"))
    if keyword.iskeyword(python) or name.startswith("$") or python in TAKEN:
        python += "_"
    return python, name


class Module:
    """The Structs of one group version, as text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.imports: set[tuple[str, str]] = set()
        self.classes: list[str] = []

    def reference(self, target: str) -> str:
        if target == QUANTITY:
            self.imports.add(("base", "Quantity"))
            return "Quantity"
        if target == INT_OR_STRING:
            self.imports.add(("base", "IntOrString"))
            return "IntOrString"
        if target in RAW:
            return "Raw"
        if target in EITHER:
            return f"JSONSchemaProps | {EITHER[target]}"
        if target in ANY:
            return "Any"
        module = module_of(target)
        if module is None:
            return "Any"
        kind = short(target)[1]
        if module != self.name:
            self.imports.add((module, kind))
        return kind

    def annotation(self, schema: dict[str, Any]) -> str:
        ref = schema.get("$ref")
        if ref is not None:
            target = ref.removeprefix("#/$defs/")
            if target in TIMES:
                kind = short(target)[1]
                self.imports.add(("base", kind))
                return kind
            return self.reference(target)
        kinds = schema.get("type", [])
        kind = kinds if isinstance(kinds, str) else next((k for k in kinds if k != "null"), None)
        if kind == "array":
            return f"list[{self.annotation(schema['items'])}]"
        if kind == "object":
            if "additionalProperties" in schema:
                return f"dict[str, {self.annotation(schema['additionalProperties'])}]"
            return "dict[str, Any]"
        if kind == "integer":
            width = "Int32" if schema.get("format") == "int32" else "Int64"
            self.imports.add(("base", width))
            return width
        return {"string": "str", "boolean": "bool", "number": "float"}.get(kind or "", "Any")

    def field(self, owner: str, name: str, schema: dict[str, Any], top: bool) -> str:
        kind = self.annotation(schema)
        python, wire = attribute(name)
        time = schema.get("$ref", "").removeprefix("#/$defs/") in TIMES
        path = f"{owner}.{name}"
        renamed = f", name={wire!r}" if wire else ""
        if kind.startswith(("list[", "dict[")) and path not in NULLABLE and kind != "dict[str, Any]":
            factory = "list" if kind.startswith("list[") else "dict"
            return f"{python}: {kind} = field(default_factory={factory}{renamed})"
        if kind == "str" and not time and path not in NULLABLE:
            return f'{python}: str = field(default=""{renamed})' if wire else f'{python}: str = ""'
        if kind == "Raw":
            return f"{python}: Raw = Raw()"
        struct = kind[0].isupper() and kind not in (
            "Any",
            "Time",
            "MicroTime",
            "Quantity",
            "IntOrString",
            "Int32",
            "Int64",
        )
        if struct and name in ALWAYS and path not in ALWAYS_EXCEPT and (top or name != "status"):
            return f"{python}: {kind} = field(default_factory=lambda: {kind}())"
        optional = kind if kind == "Any" else f"{kind} | None"
        return f"{python}: {optional} = field(default=None{renamed})" if wire else f"{python}: {optional} = None"

    def add(self, full: str, schema: dict[str, Any]) -> None:
        kind = short(full)[1]
        properties = dict(schema.get("properties", {}))
        top = "metadata" in properties and "apiVersion" in properties
        ordered = [p for p in ("metadata", "apiVersion", "kind") if p in properties]
        ordered += [p for p in properties if p not in ordered]
        lines = [f"    {self.field(kind, p, properties[p], top)}" for p in ordered]
        self.classes.append(f"class {kind}(Object):\n" + ("\n".join(lines) or "    pass"))

    def text(self) -> str:
        head = [
            f'"""The types of `{self.name}`, Kubernetes 1.36. Generated by tools/generate_types.py: do not edit."""',
            "",
            "from __future__ import annotations",
            "",
        ]
        body = "\n\n\n".join(self.classes)
        if re.search(r"\bAny\b", body):
            head.append("from typing import Any")
            head.append("")
        taken = [name for name, mark in (("Raw", "Raw()"), ("field", "field(")) if mark in body]
        if taken:
            head.append(f"from msgspec import {', '.join(taken)}")
            head.append("")
        by_module: dict[str, list[str]] = {"base": ["Object"]}
        for module, name in sorted(self.imports):
            by_module.setdefault(module, []).append(name)
        for module, names in sorted(by_module.items()):
            head.append(f"from kubelite.api.types.{module} import {', '.join(sorted(set(names)))}")
        return "\n".join(head) + "\n\n\n" + body + "\n"


def strip(node: Any) -> Any:
    """A schema without descriptions and with OpenAPI's single types."""
    if isinstance(node, list):
        return [strip(n) for n in node]
    if not isinstance(node, dict):
        return node
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key == "description" and isinstance(value, str):
            continue
        if key == "properties":
            out[key] = {name: strip(schema) for name, schema in value.items()}
        elif key == "type" and isinstance(value, list):
            out[key] = next(k for k in value if k != "null")
        elif key == "enum":
            continue
        else:
            out[key] = strip(value)
    return out


def main() -> int:
    source = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / RELEASE
    definitions = json.loads((source / "_definitions.json").read_text())["$defs"]
    modules: dict[str, Module] = {}
    schemas: dict[str, dict[str, Any]] = {}
    for name in sorted(definitions):
        special = name in ANY | EITHER.keys() or name in TIMES or name in (QUANTITY, INT_OR_STRING)
        module = module_of(name)
        if special:
            schemas.setdefault("meta_v1", {})[name] = strip(definitions[name])
        if module is None:
            continue
        schemas.setdefault(module, {})[name] = strip(definitions[name])
        modules.setdefault(module, Module(module)).add(name, definitions[name])
    types = ROOT / "types"
    for module in modules.values():
        (types / f"{module.name}.py").write_text(module.text())
    for module_name, definitions_of in schemas.items():
        path = ROOT / "schemas" / f"{module_name}.json"
        path.write_text(json.dumps(definitions_of, indent=1, sort_keys=True) + "\n")
    print(f"{len(modules)} modules, {sum(len(m.classes) for m in modules.values())} types")
    return 0


if __name__ == "__main__":
    sys.exit(main())
