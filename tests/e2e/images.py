"""Images for the tests, built from programs of this host and imported without a registry.

What: `build(folder)` writes tars of a web server, in two versions, and of a database stand-in that answers over TCP. Why: the
tests need programs that really listen and really resolve names; busybox-static serves HTTP but its resolver crashes, so the
images carry the host's dynamic `bash` and `getent` and their libraries as well.
"""

from __future__ import annotations

import pathlib
import shutil

from kubelite.util.ocitar import libraries, write_image

SHELL = "/bin/sh"
WEB_1, WEB_2, DATABASE = "kubelite.test/web:1", "kubelite.test/web:2", "kubelite.test/database:1"
APPLETS = (
    "sh",
    "cat",
    "echo",
    "sleep",
    "httpd",
    "nc",
    "wget",
    "ls",
    "env",
    "mkdir",
    "true",
    "false",
    "kill",
    "date",
    "id",
    "hostname",
    "head",
    "tail",
    "seq",
    "test",
    "touch",
    "rm",
    "grep",
    "printf",
    "dd",
    "stty",
    "tar",
    "mount",
    "df",
    "stat",
    "ssl_client",
    "ip",
    "ps",
    "readlink",
    "chmod",
)

WEB = """#!/bin/sh
# Serves /index.html (the version and the host), /db (what the database service says), /slow; says goodbye when stopped.
mkdir -p /www/cgi-bin
echo "VERSION $(hostname)" > /www/index.html
cat > /www/cgi-bin/db <<'EOF'
#!/bin/bash
echo "Content-Type: text/plain"
echo
exec 3<>/dev/tcp/mysql/3306 || exit 1
printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' >&3
echo "$(tail -n 1 <&3) read by VERSION $(hostname)"
EOF
chmod 755 /www/cgi-bin/db
echo "web VERSION listens on 8080"
trap 'echo bye; exit 0' TERM
httpd -f -v -p 8080 -h /www &
wait
"""

DATABASE_SCRIPT = """#!/bin/sh
# Answers on port 3306 (HTTP, so that busybox can serve many clients), as long as it was given a root password.
[ -n "$MYSQL_ROOT_PASSWORD" ] || { echo "MYSQL_ROOT_PASSWORD is not set"; exit 1; }
mkdir -p /rows
echo "rows of $(hostname)" > /rows/index.html
echo "database listens on 3306"
trap 'exit 0' TERM
httpd -f -p 3306 -h /rows &
wait
"""


def base() -> tuple[dict[str, str | bytes], dict[str, str]]:
    """Files and links of a small system: busybox with its applets, bash, getent and the libraries that resolve names."""
    busybox, getent, bash = (shutil.which(name) for name in ("busybox", "getent", "bash"))
    if busybox is None or getent is None or bash is None:
        raise RuntimeError("busybox-static, getent and bash are needed to build images")
    files: dict[str, str | bytes] = {"/bin/busybox": busybox, "/usr/bin/getent": getent, "/bin/bash": bash}
    for library in (*libraries(getent), *libraries(bash)):
        files[library] = library
    for library in pathlib.Path("/lib/x86_64-linux-gnu").glob("libnss_dns*"):
        files[str(library)] = str(library)
    for library in ("libnss_files.so.2", "libresolv.so.2"):
        path = pathlib.Path("/lib/x86_64-linux-gnu") / library
        if path.exists():
            files[str(path)] = str(path)
    files["/etc/nsswitch.conf"] = b"hosts: files dns\n"
    files["/etc/passwd"] = b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
    files["/etc/group"] = b"root:x:0:\nnobody:x:65534:\n"
    return files, {f"/bin/{applet}": "busybox" for applet in APPLETS}


def build(folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes the image tars; their paths."""
    files, links = base()
    made = []
    for reference, version in ((WEB_1, "one"), (WEB_2, "two")):
        path = folder / f"web-{version}.tar"
        script = WEB.replace("VERSION", version).encode()
        write_image(path, reference, {**files, "/start": script}, links=links, entrypoint=["/start"])
        made.append(path)
    path = folder / "database.tar"
    write_image(path, DATABASE, {**files, "/start": DATABASE_SCRIPT.encode()}, links=links, entrypoint=["/start"])
    return [*made, path]
