"""Volumes, tolerations and spread constraints, as pods and pod templates show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubelite.cli.describe.text import Lines, Object, selector_text


def _bool(value: Any) -> str:
    return "true" if value else "false"


_SOURCES: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "hostPath": (
        "HostPath (bare host directory volume)",
        (("Path", "path", ""), ("HostPathType", "type", "<none>")),
    ),
    "emptyDir": (
        "EmptyDir (a temporary directory that shares a pod's lifetime)",
        (("Medium", "medium", ""), ("SizeLimit", "sizeLimit", "<unset>")),
    ),
    "secret": (
        "Secret (a volume populated by a Secret)",
        (("SecretName", "secretName", ""), ("Optional", "optional", "false")),
    ),
    "configMap": (
        "ConfigMap (a volume populated by a ConfigMap)",
        (("Name", "name", ""), ("Optional", "optional", "false")),
    ),
    "nfs": (
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        (("Server", "server", ""), ("Path", "path", ""), ("ReadOnly", "readOnly", "false")),
    ),
    "persistentVolumeClaim": (
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        (("ClaimName", "claimName", ""), ("ReadOnly", "readOnly", "false")),
    ),
    "csi": (
        "CSI (a Container Storage Interface (CSI) volume source)",
        (("Driver", "driver", ""), ("FSType", "fsType", ""), ("ReadOnly", "readOnly", "false")),
    ),
    "image": (
        "Image (a container image or OCI artifact)",
        (("Reference", "reference", ""), ("PullPolicy", "pullPolicy", "")),
    ),
}


def volumes(lines: Lines, found: Sequence[Object], space: str = "") -> None:
    if not found:
        lines.add(0, f"{space}Volumes:\t<none>")
        return
    lines.add(0, f"{space}Volumes:")
    for volume in found:
        lines.add(1, f"{' ' if space else ''}{volume['name']}:")
        source(lines, volume)


def source(lines: Lines, volume: Object) -> None:
    """Where a volume's content comes from."""
    for key, (title, fields) in _SOURCES.items():
        if volume.get(key) is not None:
            lines.add(2, f"Type:\t{title}")
            for label, field, default in fields:
                value = volume[key].get(field, default)
                lines.add(2, f"{label}:\t{_bool(value) if isinstance(value, bool) else value}")
            return
    if volume.get("projected") is not None:
        _projected(lines, volume["projected"])
    elif volume.get("downwardAPI") is not None:
        lines.add(2, "Type:\tDownwardAPI (a volume populated by information about the pod)")
        lines.add(2, "Items:")
        for item in volume["downwardAPI"].get("items") or ():
            source = (item.get("fieldRef") or {}).get("fieldPath") or (item.get("resourceFieldRef") or {}).get(
                "resource"
            )
            lines.add(3, f"{source} -> {item['path']}")
    else:
        lines.add(2, "<unknown>")


def _projected(lines: Lines, projected: Object) -> None:
    lines.add(2, "Type:\tProjected (a volume that contains injected data from multiple sources)")
    for source in projected.get("sources") or ():
        if source.get("secret") is not None:
            lines.add(2, f"SecretName:\t{source['secret'].get('name', '')}")
            lines.add(2, f"Optional:\t{_bool(source['secret'].get('optional'))}")
        elif source.get("downwardAPI") is not None:
            lines.add(2, "DownwardAPI:\ttrue")
        elif source.get("configMap") is not None:
            lines.add(2, f"ConfigMapName:\t{source['configMap'].get('name', '')}")
            lines.add(2, f"Optional:\t{_bool(source['configMap'].get('optional'))}")
        elif source.get("serviceAccountToken") is not None:
            lines.add(2, f"TokenExpirationSeconds:\t{source['serviceAccountToken'].get('expirationSeconds')}")


def tolerations(lines: Lines, found: Sequence[Object], space: str = "") -> None:
    """Sorted as kubectl sorts them: by key."""
    if not found:
        lines.add(0, f"{space}Tolerations:\t<none>")
        return
    for index, one in enumerate(sorted(found, key=lambda each: str(each.get("key", "")))):
        head = f"{space}Tolerations:" if index == 0 else space
        lines.add(0, f"{head}\t{_toleration(one)}")


def _toleration(one: Object) -> str:
    text = str(one.get("key", ""))
    if one.get("value"):
        text += f"={one['value']}"
    if one.get("effect"):
        text += f":{one['effect']}"
    if one.get("operator") == "Exists" and not one.get("value"):
        text += " op=Exists" if text else "op=Exists"
    if one.get("tolerationSeconds") is not None:
        text += f" for {one['tolerationSeconds']}s"
    return text


def spread(lines: Lines, found: Sequence[Object], space: str = "") -> None:
    for index, one in enumerate(sorted(found, key=lambda each: str(each.get("topologyKey", "")))):
        head = f"{space}Topology Spread Constraints:" if index == 0 else space
        text = (
            f"{one['topologyKey']}:{one.get('whenUnsatisfiable', '')} when max skew {one.get('maxSkew', 0)} is exceeded"
        )
        if one.get("labelSelector"):
            text += f" for selector {selector_text(one['labelSelector'])}"
        lines.add(0, f"{head}\t{text}")
