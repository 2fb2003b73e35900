"""The few calls that `up`, `down` and `status` make to the API server, with the admin's credentials.

What: GET, POST and PATCH of JSON over a kept TLS connection. Why: these commands run once and are synchronous; the asynchronous
client would be the larger part of their time.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import urllib.parse
from datetime import datetime
from typing import Any

from kubelite.cmd.cluster.config import Paths

TIMEOUT = 10.0


class AdminApi:
    """The API server as the admin sees it."""

    def __init__(self) -> None:
        self._connection: http.client.HTTPSConnection | None = None

    def _connect(self) -> http.client.HTTPSConnection:
        document = json.loads(Paths.admin.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
        where = urllib.parse.urlsplit(cluster["server"])
        return http.client.HTTPSConnection(where.hostname or "", where.port, timeout=TIMEOUT, context=context)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, decoded body); raises OSError while the server cannot be reached."""
        if self._connection is None:
            self._connection = self._connect()
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Content-Type": kind, "Accept": "application/json"}
        try:
            self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = self._connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._connection = None
            raise OSError(f"the API server cannot be reached: {error}") from error
        try:
            return response.status, json.loads(data)
        except ValueError:
            return response.status, data.decode(errors="replace")

    def ready(self) -> bool:
        try:
            return self.call("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def node_ready(self, name: str, since: datetime) -> bool:
        """Whether the node has said after `since` that it is Ready, and nothing keeps new pods away from it."""
        try:
            status, node = self.call("GET", f"/api/v1/nodes/{name}")
        except OSError:
            return False
        if status != 200:
            return False
        ready = next((c for c in node.get("status", {}).get("conditions", ()) if c["type"] == "Ready"), None)
        taints = {taint["key"] for taint in node["spec"].get("taints", ())}
        if ready is None or ready["status"] != "True" or "node.kubernetes.io/not-ready" in taints:
            return False
        # Heartbeats have whole seconds; a node of an earlier run still says Ready until its kubelet is back.
        return datetime.fromisoformat(ready["lastHeartbeatTime"]) >= since.replace(microsecond=0)
