"""A pod's status, back-off and probe counting, by kubelet's rules."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hadr_lab.dataplane.nodes.backoff import Backoff
from hadr_lab.dataplane.nodes.probes import Rule, Tally, Target, ask
from hadr_lab.dataplane.nodes.status import Container, Ended, Sandbox, State, Up, Waiting, conditions, patch_of, phase, pod_status

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SANDBOX = Sandbox(host_ip="10.1.0.4", pod_ip="10.1.0.80", taken=NOW)


def a_container(state: State, *, init: bool = False, **known: Any) -> Container:
    """A container in some state."""
    return Container(name="c", image="i", init=init, state=state, **known)


def ended(code: int) -> Ended:
    """A container that ended with this code."""
    return Ended(code=code, since=NOW, at=NOW)


@pytest.mark.parametrize(
    ("policy", "inits", "mains", "expected"),
    [
        ("Always", [], [Waiting("ContainerCreating")], "Pending"),
        ("Always", [], [Up(NOW)], "Running"),
        ("Always", [], [Up(NOW), Waiting("ContainerCreating")], "Pending"),
        ("Always", [], [ended(1)], "Running"),
        ("Always", [Up(NOW)], [Waiting("PodInitializing")], "Pending"),
        ("Always", [ended(0)], [Up(NOW)], "Running"),
        ("Never", [], [ended(0)], "Succeeded"),
        ("Never", [], [ended(0), ended(3)], "Failed"),
        ("Never", [], [ended(3), Up(NOW)], "Running"),
        ("Never", [ended(1)], [Waiting("PodInitializing")], "Failed"),
        ("OnFailure", [], [ended(0)], "Succeeded"),
        ("OnFailure", [], [ended(3)], "Running"),
    ],
)
def test_phase(policy: str, inits: list[State], mains: list[State], expected: str) -> None:
    """The phase follows from restart policy and container states."""
    given = [a_container(state, init=True) for state in inits], [a_container(state) for state in mains]
    assert phase(policy, *given) == expected


def test_a_crashed_container_that_waits_keeps_the_pod_running() -> None:
    """CrashLoopBackOff is a waiting container of a Running pod."""
    crashed = a_container(Waiting("CrashLoopBackOff"), last=ended(1))
    assert phase("Always", [], [crashed]) == "Running"


def a_pod(*given: tuple[str, str, str], gates: tuple[str, ...] = ()) -> dict[str, Any]:
    """A pod object with conditions (type, status, time) and readiness gates."""
    rows = [{"type": kind, "status": status, "lastTransitionTime": at} for kind, status, at in given]
    return {"spec": {"readinessGates": [{"conditionType": gate} for gate in gates]}, "status": {"conditions": rows}}


@pytest.mark.parametrize(
    ("pod", "ready", "expected"),
    [
        (a_pod(), True, True),
        (a_pod(), False, False),
        (a_pod(gates=("elb",)), True, False),
        (a_pod(("elb", "False", "t"), gates=("elb",)), True, False),
        (a_pod(("elb", "True", "t"), gates=("elb",)), True, True),
        (a_pod(("elb", "True", "t"), gates=("elb",)), False, False),
    ],
)
def test_ready_needs_containers_and_gates(pod: dict[str, Any], *, ready: bool, expected: bool) -> None:
    """A pod is Ready when its containers are and every readiness gate is True."""
    met = conditions(pod, [], [a_container(Up(NOW), ready=ready)], SANDBOX)
    assert met["Ready"][0] is expected
    assert met["ContainersReady"][0] is ready


def test_a_started_sidecar_counts_as_initialized() -> None:
    """An init container that always restarts does not have to end."""
    sidecar = a_container(Up(NOW), init=True, sidecar=True, started=True)
    assert conditions(a_pod(), [sidecar], [], SANDBOX)["Initialized"][0]


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    """lastTransitionTime is old where the value is old, and now where it changed."""
    pod = a_pod(("Initialized", "True", "2020-01-01T00:00:00Z"), ("Ready", "False", "2020-01-01T00:00:00Z"))
    status = pod_status(pod, [], [a_container(Up(NOW), ready=True)], SANDBOX, NOW)
    times = {row["type"]: row["lastTransitionTime"] for row in status["conditions"]}
    assert times["Initialized"] == "2020-01-01T00:00:00Z"
    assert times["Ready"] == "2026-01-02T03:04:05Z"
    assert status["podIPs"] == [{"ip": "10.1.0.80"}]


def test_addresses_replace_those_of_before() -> None:
    """A pod that was started anew at another address has that one only; a patch that merged them would be refused."""
    status = pod_status(a_pod(), [], [a_container(Up(NOW), ready=True)], SANDBOX, NOW)
    patch = patch_of(status)
    assert patch["podIPs"] == [{"ip": "10.1.0.80"}, {"$patch": "replace"}]
    assert patch["hostIPs"][1:] == [{"$patch": "replace"}]
    assert {name: value for name, value in patch.items() if value != status[name]}.keys() == {"podIPs", "hostIPs"}
    assert "podIPs" not in patch_of({"phase": "Pending"})


def test_a_signal_is_an_exit_code_above_128() -> None:
    """SIGKILL shows as 137 with the signal named."""
    body = ended(-9).state()["terminated"]
    assert (body["exitCode"], body["signal"], body["reason"]) == (137, 9, "Error")


def test_backoff_grows_and_forgets() -> None:
    """At once, then 10, 20 … at most 300 seconds; ten good minutes start over."""
    backoff, soon = Backoff(), NOW + timedelta(seconds=1)
    pauses = [backoff.after(started=NOW, ended=soon).total_seconds() for _ in range(8)]
    assert pauses == [0, 10, 20, 40, 80, 160, 300, 300]
    assert backoff.after(started=NOW, ended=NOW + timedelta(minutes=11)) == timedelta(0)


def a_tally(*, successes: int = 1, failures: int = 3) -> Tally:
    """A tally with these thresholds."""
    return Tally(Rule(initial_delay=0, period=1, timeout=1, successes=successes, failures=failures))


def test_a_probe_needs_its_thresholds_in_a_row() -> None:
    """One good answer between failures starts the count again."""
    tally = a_tally(failures=3)
    acted = [tally.count(good=good) for good in (False, False, True, False, False, False)]
    assert acted == [False, False, True, False, False, True]
    assert tally.verdict is False


def test_success_is_acted_on_once_and_failure_again_and_again() -> None:
    """A container that stays bad is acted on after each full run of failures; one that stays good is left alone."""
    tally = a_tally(successes=2, failures=2)
    assert [tally.count(good=True) for _ in range(4)] == [False, True, False, False]
    assert [tally.count(good=False) for _ in range(4)] == [False, True, False, True]


async def _never(argv: list[str], timeout: float) -> tuple[int, str]:
    raise AssertionError("no command was to be run")


def asked(probe: dict[str, Any], port: int = 1, **ports: int) -> str:
    """Ask once, from here, for a container at 127.0.0.1."""
    target = Target(address="127.0.0.1", ports=ports, netns="", source="")
    return asyncio.run(ask(probe, target, _never))


async def _asked_of_server(probe: dict[str, Any], answer: bytes) -> str:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await ask(probe, Target(address="127.0.0.1", ports={"http": port}, netns="", source=""), _never)


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 302 Found\r\n\r\n", True),
        (b"HTTP/1.1 503 No\r\n\r\n", False),
        (b"SSH-2.0-x\r\n", False),
    ],
)
def test_http_probes_judge_the_status(answer: bytes, *, good: bool) -> None:
    """2xx and 3xx are good, everything else is not, by named port."""
    assert (asyncio.run(_asked_of_server({"httpGet": {"path": "/readyz", "port": "http"}}, answer)) == "") is good


@pytest.mark.parametrize(
    ("probe", "why"),
    [
        ({"tcpSocket": {"port": 1}}, "refused|failed"),
        ({"httpGet": {"port": "nope"}}, "nope"),
        ({"grpc": {"port": 1}}, "grpc"),
    ],
)
def test_a_failed_probe_says_why(probe: dict[str, Any], why: str) -> None:
    """Refused connections, unknown ports and unknown kinds each give a reason."""
    assert re.search(why, asked(probe))


def test_exec_probes_judge_the_exit_code() -> None:
    """0 is good; anything else is reported with the end of the output."""

    async def run(argv: list[str], timeout: float) -> tuple[int, str]:
        return (0, "") if argv == ["true"] else (3, "broken")

    target = Target(address="", ports={}, netns="", source="")
    assert asyncio.run(ask({"exec": {"command": ["true"]}}, target, run)) == ""
    assert "broken" in asyncio.run(ask({"exec": {"command": ["false"]}}, target, run))


def test_a_slow_answer_is_a_failure() -> None:
    """A probe that is not answered within its timeout has failed."""

    async def run(argv: list[str], timeout: float) -> tuple[int, str]:
        await asyncio.sleep(5)
        return 0, ""

    target = Target(address="", ports={}, netns="", source="")
    probe = {"exec": {"command": ["slow"]}, "timeoutSeconds": 0.05}
    assert "0.05" in asyncio.run(ask(probe, target, run))
