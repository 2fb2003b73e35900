"""Image tars in the layout that runtimes import."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pathlib
import tarfile
from typing import Any

from kubelite.util.ocitar import libraries, write_image


def read(path: pathlib.Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}  # type: ignore[union-attr]


def blob(files: dict[str, bytes], described: dict[str, Any]) -> bytes:
    """The bytes that a descriptor names, checked against what it says of them."""
    kind, _, digest = described["digest"].partition(":")
    data = files[f"blobs/{kind}/{digest}"]
    assert (len(data), hashlib.sha256(data).hexdigest()) == (described["size"], digest)
    return data


def test_index_manifest_config_and_layer_lead_to_each_other(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"#!/bin/sh\n")
    image = tmp_path / "image.tar"
    write_image(
        image,
        "example.test/web:1",
        {"/bin/web": str(program), "/etc/motd": b"hello"},
        links={"/bin/sh": "web"},
        entrypoint=["/bin/web"],
        command=["--port=80"],
        env={"MODE": "test"},
        user="1000",
    )
    files = read(image)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (described,) = json.loads(files["index.json"])["manifests"]
    assert described["annotations"] == {
        "io.containerd.image.name": "example.test/web:1",
        "org.opencontainers.image.ref.name": "1",
    }
    manifest = json.loads(blob(files, described))
    config = json.loads(blob(files, manifest["config"]))
    layer = gzip.decompress(blob(files, manifest["layers"][0]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"]["Entrypoint"] == ["/bin/web"] and config["config"]["Cmd"] == ["--port=80"]
    assert "MODE=test" in config["config"]["Env"] and config["config"]["User"] == "1000"
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        members = {m.name: m for m in tar.getmembers()}
        assert tar.extractfile("etc/motd").read() == b"hello"  # type: ignore[union-attr]
    assert members["bin/web"].mode == 0o755 and members["bin/sh"].linkname == "web"
    assert members["bin"].isdir() and members["tmp"].mode == 0o1777
    assert list(members).index("bin") < list(members).index("bin/web")


def test_the_same_content_makes_the_same_image(tmp_path: pathlib.Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / name, "example.test/x:1", {"/x": b"x"})
    assert read(tmp_path / "a") == read(tmp_path / "b")


def test_the_libraries_of_a_dynamic_program_are_found() -> None:
    found = libraries("/bin/sh")
    assert any("libc" in name for name in found)
    assert all(pathlib.Path(name).exists() for name in found)
