"""Container images from files on this machine, as OCI image tars, without a registry or a build tool.

What: `write_image(path, reference, files, …)` packs files into a one-layer image that `ctr images import` accepts.
Why: a node without internet needs its pause image, and tests need images that really listen.
Flow: files (path in the image → file on disk or bytes) → layer tar → config, manifest and index JSON → one tar.
Format: the OCI image specification 1.0, image layout.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

EPOCH = "1970-01-01T00:00:00Z"
LAYOUT = {"imageLayoutVersion": "1.0.0"}
TYPES = "application/vnd.oci.image"


def libraries(program: str) -> list[str]:
    """The shared libraries that a dynamic program loads, as absolute paths (from `ldd`); none for a static one."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    found = []
    for line in done.stdout.splitlines():
        words = line.replace("=>", " ").split()
        found += [word for word in words if word.startswith("/")][:1]
    return found


def _layer(files: Mapping[str, str | bytes], links: Mapping[str, str], directories: Sequence[str]) -> bytes:
    """A layer tar: every parent folder once, then files (0755) and symbolic links, with fixed times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        parents = {str(p) for name in (*files, *links) for p in pathlib.PurePosixPath(name.lstrip("/")).parents}
        for folder in sorted(parents.union(d.strip("/") for d in directories) - {".", ""}):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
        for name, source in sorted(files.items()):
            data = source if isinstance(source, bytes) else pathlib.Path(os.path.realpath(source)).read_bytes()
            info = tarfile.TarInfo(name.lstrip("/"))
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
        for name, target in sorted(links.items()):
            info = tarfile.TarInfo(name.lstrip("/"))
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))


def _layout(reference: str, architecture: str, config: bytes, layer: bytes) -> dict[str, bytes]:
    """The files of an image layout with one image of one packed layer: name → content, in order."""
    blobs: dict[str, bytes] = {}

    def blob(data: bytes, media: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"{TYPES}.{media}", "digest": f"sha256:{digest}", "size": len(data)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{TYPES}.manifest.v1+json",
        "config": blob(config, "config.v1+json"),
        "layers": [blob(layer, "layer.v1.tar+gzip")],
    }
    described = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    described["annotations"] = {
        "io.containerd.image.name": reference,
        "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
    }
    described["platform"] = {"architecture": architecture, "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": f"{TYPES}.index.v1+json", "manifests": [described]}
    return {"oci-layout": json.dumps(LAYOUT).encode(), **blobs, "index.json": json.dumps(index).encode()}


def write_image(
    path: str | pathlib.Path,
    reference: str,
    files: Mapping[str, str | bytes],
    *,
    links: Mapping[str, str] | None = None,
    directories: Sequence[str] = ("tmp", "etc", "proc", "sys", "dev"),
    entrypoint: Sequence[str] = (),
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    user: str = "",
    working_dir: str = "/",
    architecture: str = "amd64",
) -> None:
    """Writes the image `reference` ("example.test/web:1") to the tar at `path`."""
    layer = _layer(files, links or {}, directories)
    packed = gzip.compress(layer, 1, mtime=0)
    variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **(env or {})}
    config: dict[str, Any] = {
        "created": EPOCH,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Env": [f"{k}={v}" for k, v in variables.items()],
            "Entrypoint": list(entrypoint) or None,
            "Cmd": list(command) or None,
            "User": user,
            "WorkingDir": working_dir,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    parts = _layout(reference, architecture, json.dumps(config).encode(), packed)
    with tarfile.open(path, "w") as tar:
        for name, data in parts.items():
            _add(tar, name, data)
