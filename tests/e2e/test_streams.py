"""Logs, exec, attach, port-forward and cp by the oldest and the newest kubectl: SPDY/3.1 and WebSocket; and kubelet restarts."""

from __future__ import annotations

import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Cluster, eventually, kubectl
from tests.e2e.machine import call
from tests.e2e.workbench import CTR, Bench, container, pod, workbench

TALKS = "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.2; done"
ECHOES = "trap 'exit 0' TERM; echo ready; while read line; do echo you said $line; done"
FOREVER = "trap 'exit 0' TERM; sleep 1000 & wait"
FALLS_SILENT = "echo first; echo second; echo from other; " + FOREVER


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> Iterator[Bench]:
    with workbench(cluster, "streams") as bench:
        bench.apply(
            pod("web", {"name": "web", "image": "kubelite.test/web:1"}),
            pod("talker", container("main", TALKS), container("other", FALLS_SILENT)),
            pod("typed", container("main", ECHOES, stdin=True)),
            pod("terminal", container("main", "echo welcome; exec sh", stdin=True, tty=True)),
            pod(
                "twice",
                container(
                    "main",
                    "test -f /s/x && { echo second; sleep 1000; }; touch /s/x; echo first; exit 1",
                    volumeMounts=[{"name": "s", "mountPath": "/s"}],
                ),
                volumes=[{"name": "s", "emptyDir": {}}],
            ),
        )
        bench.ready("web", "talker", "typed", "terminal")
        yield bench


@pytest.fixture(params=[27, 33], ids=lambda minor: f"1.{minor}")
def bench(request: pytest.FixtureRequest, node: Bench) -> Bench:
    kubectl(request.param)
    return Bench(node.cluster, node.namespace, request.param)


class Terminal:
    """A kubectl on a pseudo terminal, as a person has it."""

    def __init__(self, bench: Bench, *words: str, rows: int = 24, columns: int = 80) -> None:
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.process = bench.open(*words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.seen = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, pattern: str, seconds: float = 15) -> None:
        """Reads until the pattern shows up; what was read up to it is used up."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end() :]
                return
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} is not in {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError as error:
                    raise AssertionError(f"the terminal ended before {pattern!r}: {self.seen!r}") from error

    def close(self) -> int:
        code = self.process.wait(timeout=15)
        os.close(self.master)
        return code


def test_logs_by_tail_time_and_container(bench: Bench) -> None:
    eventually(lambda: len(bench.logs("talker", "-c", "main").splitlines()) > 10)
    assert bench.logs("talker", "-c", "main").splitlines()[:2] == ["line 1", "line 2"]
    since = bench.logs("talker", "-c", "main", "--since=1s")
    assert 0 < len(since) < len(bench.logs("talker", "-c", "main"))
    # A container that talks on may say more while its last lines are read.
    assert bench.logs("talker", "-c", "other", "--tail=2") == "second\nfrom other\n"
    stamped = bench.logs("talker", "-c", "other", "--timestamps", "--tail=1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d) from other\n", stamped)
    stamp = stamped.split()[0]
    assert bench.logs("talker", "-c", "other", f"--since-time={stamp}").endswith("from other\n")
    assert bench.logs("talker", "-c", "main", "--limit-bytes=6") == "line 1"
    both = bench.logs("talker", "--all-containers", "--prefix", "--tail=1")
    assert "[pod/talker/other] from other\n" in both
    assert re.search(r"\[pod/talker/main\] line \d+\n", both)
    wrong = bench.run("logs", "talker", "-c", "absent", check=False)
    assert "container absent is not valid for pod talker" in wrong.stderr


def test_logs_of_the_container_before(bench: Bench) -> None:
    eventually(lambda: bench.state("twice").get("restartCount") == 1, 30, bench.explain)
    eventually(lambda: bench.logs("twice") == "second\n", 10)
    assert bench.logs("twice", "--previous") == "first\n"
    none = bench.run("logs", "talker", "-c", "main", "--previous", check=False)
    assert none.returncode == 1
    assert 'previous terminated container "main" in pod "talker" not found' in none.stderr


def test_followed_logs_come_at_once_and_end_with_the_pod(bench: Bench) -> None:
    name = f"follow-{bench.version}"
    script = "echo first; until [ -e /tmp/read ]; do sleep 0.1; done; echo second"
    bench.apply(pod(name, container("main", script), restartPolicy="Never"))
    eventually(lambda: bench.status(name)["phase"] == "Running", 20, bench.explain)
    process = bench.open("logs", "-f", name, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"first\n"
    bench.exec(name, "touch", "/tmp/read")
    assert process.communicate(timeout=20)[0] == b"second\n"
    assert process.returncode == 0


def test_exec_gives_back_streams_and_exit_code(bench: Bench) -> None:
    done = bench.run("exec", "-i", "web", "--", "sh", "-c", "cat; echo oops >&2; exit 7", stdin="typed\n", check=False)
    assert (done.stdout, done.returncode) == ("typed\n", 7)
    assert "oops" in done.stderr
    many = bench.run("exec", "web", "--", "dd", "if=/dev/zero", "bs=1024", "count=3000").stdout
    assert len(many) == 3000 * 1024
    sent = bench.run("exec", "-i", "web", "--", "sh", "-c", "cat > /tmp/in; stat -c %s /tmp/in", stdin="x" * 2_000_000)
    assert sent.stdout == "2000000\n"
    missing = bench.run("exec", "web", "--", "/no/such/program", check=False)
    assert missing.returncode != 0
    assert "no such file or directory" in missing.stderr
    wrong = bench.run("exec", "web", "-c", "absent", "--", "true", check=False)
    assert "container absent is not valid for pod web" in wrong.stderr or "container not found" in wrong.stderr


def test_exec_on_a_terminal_follows_its_size(bench: Bench) -> None:
    terminal = Terminal(bench, "exec", "-it", "web", "--", "sh", rows=33, columns=101)
    terminal.expect("# ")
    terminal.type("stty size; tty\n")
    terminal.expect(r"33 101\r\n/dev/pts/\d")
    terminal.resize(44, 120)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    time.sleep(0.5)
    terminal.type("stty size\n")
    terminal.expect(r"44 120")
    terminal.type("sleep 100\n")
    time.sleep(0.3)
    terminal.type("\x03")
    terminal.type("exit 9\n")
    terminal.expect("exit code 9")
    assert terminal.close() == 9


def test_attach_reads_and_writes(bench: Bench) -> None:
    process = bench.open(
        "attach", "-i", "typed", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None and process.stdout is not None
    time.sleep(0.7)
    process.stdin.write(b"hello\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"you said hello\n"
    process.terminate()
    process.wait()
    terminal = Terminal(bench, "attach", "-it", "terminal")
    time.sleep(0.7)
    terminal.type("echo $((40+2))\n")
    terminal.expect("42")
    os.kill(terminal.process.pid, signal.SIGKILL)
    terminal.close()
    assert bench.state("terminal")["restartCount"] == 0


def test_port_forward_carries_many_connections(bench: Bench) -> None:
    process = bench.open("port-forward", "pod/web", ":8080", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        found = re.search(rb"127.0.0.1:(\d+) -> 8080", process.stdout.readline())
        assert found is not None
        url = f"http://127.0.0.1:{int(found[1])}/"
        for _ in range(5):
            assert bench.cluster.fetch(url) == "one web"
        script = f"for i in 1 2 3 4 5 6 7 8; do curl -sS -m 10 {url} & done; wait"
        assert bench.cluster.machine.run("sh", "-c", script).stdout == "one web\n" * 8
    finally:
        process.terminate()
        process.communicate()


def test_files_are_copied_both_ways(bench: Bench, tmp_path: pathlib.Path) -> None:
    source = tmp_path / "data"
    source.write_bytes(os.urandom(300_000))
    bench.run("cp", str(source), "web:/tmp/data")
    bench.run("cp", "web:/tmp/data", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


def kubelet(node: Bench) -> int:
    """The pid of the kubelet, 0 while there is none."""
    processes = node.cluster.machine.processes().items()
    return next((pid for pid, line in processes if line.startswith("kubelite kubelet")), 0)


def test_a_kubelet_restart_restarts_no_container(node: Bench) -> None:
    def identities() -> list[str]:
        path = "jsonpath={range .items[*].status.containerStatuses[*]}{.containerID} {.restartCount}\n{end}"
        return sorted(node.run("get", "pods", "web", "talker", "typed", "-o", path).stdout.splitlines())

    before, old = identities(), kubelet(node)
    os.kill(old, signal.SIGKILL)
    eventually(lambda: kubelet(node) not in (0, old), 20)
    eventually(lambda: "one web" in node.run("exec", "web", "--", "cat", "/www/index.html", check=False).stdout, 20)
    node.run("label", "pod", "web", "touched=yes")
    time.sleep(2)
    assert identities() == before
    assert node.cluster.machine.run("curl", "-sS", f"http://{node.status('web')['podIP']}:8080/").stdout == "one web\n"


def test_a_pod_deleted_while_the_kubelet_is_away_is_cleaned_up(node: Bench) -> None:
    node.apply(pod("orphan", container("main", FOREVER)))
    node.ready("orphan")
    uid, identity = node.get("pod", "orphan")["metadata"]["uid"], node.state("orphan")["containerID"][13:]
    pid = kubelet(node)
    os.kill(pid, signal.SIGSTOP)
    try:
        node.run("delete", "pod", "orphan", "--force", "--grace-period=0")
        assert "orphan" not in node.words()
    finally:
        os.kill(pid, signal.SIGKILL)

    def remains() -> str:
        tasks = node.cluster.machine.run(*CTR, "task", "ls", check=False).stdout
        paths = node.cluster.machine.run(
            "sh", "-c", f"ls -d /var/lib/kubelite/kubelet/pods/{uid} 2>/dev/null; true"
        ).stdout
        return paths + "".join(line for line in tasks.splitlines() if identity in line)

    eventually(lambda: not remains(), 40, remains)


def test_a_host_port_and_the_host_network(node: Bench) -> None:
    ports = [{"containerPort": 8080, "hostPort": 18099}]
    node.apply(
        pod("host-port", {"name": "web", "image": "kubelite.test/web:1", "ports": ports}),
        pod(
            "host-network",
            container("main", "echo hi > /tmp/index.html; exec httpd -f -p 18098 -h /tmp"),
            hostNetwork=True,
        ),
    )
    node.ready("host-port", "host-network")
    address = node.cluster.machine.address

    def fetch(port: int) -> str:
        """The page, as another machine gets it."""
        namespace = f"--net=/run/netns/{node.cluster.machine.lan.name}"
        return call("nsenter", namespace, "curl", "-sS", "-m", "5", f"http://{address}:{port}/", check=False).stdout

    assert fetch(18099) == "one host-port\n"
    assert fetch(18098) == "hi\n"
    assert node.status("host-network")["podIP"] == address
    assert node.exec("host-network", "hostname").strip() == node.cluster.machine.name
    node.run("delete", "pod", "host-port", "host-network")
    eventually(lambda: not fetch(18099) + fetch(18098), 10)
