from __future__ import annotations

from kubelite.kubelet.runtime import names, termination
from kubelite.rpc import cri_v1_pb2 as pb


def status_of(tmp_path, *, text="", log="", code=1, policy="File"):
    (tmp_path / "message").write_text(text)
    (tmp_path / "log").write_text(log)
    return pb.ContainerStatus(
        exit_code=code,
        log_path=str(tmp_path / "log"),
        annotations={names.TERMINATION_PATH: "/dev/termination-log", names.TERMINATION_POLICY: policy},
        mounts=[pb.Mount(container_path="/dev/termination-log", host_path=str(tmp_path / "message"))],
    )


LOG = "2030-01-01T00:00:00.0Z stdout F one\n2030-01-01T00:00:00.0Z stderr P tw\n2030-01-01T00:00:00.0Z stderr F o\n"


def test_the_file_is_the_message_cut_at_4096_bytes(tmp_path):
    assert termination.message(status_of(tmp_path, text="bye")) == "bye"
    assert len(termination.message(status_of(tmp_path, text="x" * 5000))) == 4096


def test_the_log_is_the_message_only_of_a_failure_that_wrote_none(tmp_path):
    assert termination.message(status_of(tmp_path, log=LOG)) == ""
    fallback = "FallbackToLogsOnError"
    assert termination.message(status_of(tmp_path, log=LOG, policy=fallback)) == "one\ntwo\n"
    assert termination.message(status_of(tmp_path, log=LOG, policy=fallback, code=0)) == ""
    assert termination.message(status_of(tmp_path, log=LOG, policy=fallback, text="own")) == "own"


def test_a_file_that_is_gone_is_no_message(tmp_path):
    status = status_of(tmp_path)
    (tmp_path / "message").unlink()
    assert termination.message(status) == ""
