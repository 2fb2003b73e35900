from __future__ import annotations

from kubelite.kubelet.runtime import names
from tests.unit.kubelet.podbuilder import make_pod


def test_logs_lie_where_kubectl_and_collectors_look():
    assert names.pod_log_dir("/var/log/pods", "ns", "pod", "u1") == "/var/log/pods/ns_pod_u1"
    assert names.log_path("web", 2) == "web/2.log"
    assert names.log_link("/var/log/containers", make_pod(), "web", "abc") == "/var/log/containers/pod_ns_web-abc.log"


def test_the_restart_count_is_found_again_in_the_logs(tmp_path):
    assert names.attempts_logged(str(tmp_path)) == 0
    for name in ("0.log", "3.log", "3.log.20300101-000000", "10.log", "other"):
        (tmp_path / name).write_text("")
    assert names.attempts_logged(str(tmp_path)) == 11


def test_logs_of_attempts_before_one_are_found_with_what_was_rotated(tmp_path):
    assert names.logs_before(str(tmp_path / "absent"), 3) == []
    for name in ("0.log", "2.log.20300101-000000", "3.log", "3.log.20300101-000000", "10.log", "other"):
        (tmp_path / name).write_text("")
    found = names.logs_before(str(tmp_path), 3)
    assert sorted(found) == [str(tmp_path / "0.log"), str(tmp_path / "2.log.20300101-000000")]
