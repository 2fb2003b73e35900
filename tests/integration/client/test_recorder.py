"""Events reach the API server, counted."""

from __future__ import annotations

from kubelite.api.core.config_map import CONFIG_MAP
from kubelite.api.core.node import NODE
from kubelite.api.types.core_v1 import ConfigMap, Node
from kubelite.client.client import Client
from kubelite.client.recorder import Recorder
from tests.apienv import api_server


async def test_repeated_events_are_one_object_with_a_count():
    async with api_server() as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        client = Client.from_config(api.client_config(), user_agent="test")
        recorder = Recorder(client, "tester", "host-1")
        subject = ConfigMap()
        subject.metadata.name, subject.metadata.namespace, subject.metadata.uid = "a", "default", "u"
        for _ in range(3):
            recorder.event(CONFIG_MAP, subject, "Warning", "Broken", "it broke")
        node = Node()
        node.metadata.name = "n"
        recorder.event(NODE, node, "Normal", "Starting", "it starts")
        await recorder.flush(5)
        events = {e["reason"]: e for e in (await api.get("/api/v1/events")).json()["items"]}
        broken = events["Broken"]
        assert (broken["count"], broken["message"], broken["type"]) == (3, "it broke", "Warning")
        assert broken["source"] == {"component": "tester", "host": "host-1"}
        assert broken["involvedObject"]["kind"] == "ConfigMap"
        assert events["Starting"]["metadata"]["namespace"] == "default"
        await recorder.close()
        await client.close()
