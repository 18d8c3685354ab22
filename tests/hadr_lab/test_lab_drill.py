"""The main drill on the real parts: a Region is lost under load, hadr fails over, the numbers are checked from raw files."""

from __future__ import annotations

import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.hadr_lab.demo_drill import Drilled, once
from tests.hadr_lab.demo_process import hadr_lab

from hadr.adapters.aws.policy import outside
from hadr.core.journal import run_record, verify

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

KEYS = {
    *("scenario", "architecture", "seed", "speed", "started", "verdict", "phases", "client_outage_s", "requests"),
    *("failed_requests", "acked_writes", "lost_writes", "doubled_writes", "rpo_s", "critical_path_s", "floor_s"),
    *("peak_rss_mb", "simulated_waits", "versions"),
}
PHASES = ("onset_to_detected", "detected_to_decided", "act", "prove", "clients_recovered")
WARM_LIMIT_S = 180
MEMORY_LIMIT_MB = 4096


drill = once("region-loss")
"""One drill for all tests of this module."""


def test_a_lost_region_is_recovered_and_the_books_balance(drill: Drilled) -> None:
    """Exit 0: the verdict is valid, clients of every kind recovered, every expectation was met, in time and in memory."""
    found = drill.raw.result
    assert (drill.code, found["verdict"], found["clients_recovered"]) == (0, "valid", True), drill.printed
    assert [e for e in found["expectations"] if not e["met"]] == []
    assert all(found["kinds"][kind]["recovered"] for kind in ("read", "write", "file"))
    assert drill.seconds < WARM_LIMIT_S
    assert 1000 < found["peak_rss_mb"] < MEMORY_LIMIT_MB


def test_the_result_says_everything_it_promises(drill: Drilled) -> None:
    """Every key of the contract is there, every phase has a length, and the waits quote AWS's figures with a source."""
    found = drill.raw.result
    assert set(found) >= KEYS
    assert tuple(found["phases"]) == PHASES
    assert all(length is not None and length >= 0 for length in found["phases"].values())
    assert found["client_outage_s"] > 0
    assert found["requests"] == len(drill.raw.history) > 500
    assert found["failed_requests"] == sum(op["outcome"] != "ok" for op in drill.raw.history)
    waits = found["simulated_waits"]
    assert {"aurora_failover", "instance_boot"} <= set(waits)
    assert all(w["aws_s"] == pytest.approx(20 * w["lab_s"], rel=0.01) and w["source"] for w in waits.values())
    assert {"python", "mariadbd", "kube-apiserver", "etcd"} <= set(found["versions"])


def test_steps_ran_side_by_side(drill: Drilled) -> None:
    """The act takes at most a quarter longer than its critical path, which is shorter than one step after the other."""
    found = drill.raw.result
    assert found["phases"]["act"] <= 1.25 * found["critical_path_s"]
    assert found["floor_s"] <= found["critical_path_s"] < found["sequential_s"]
    steps = {step["name"]: step for step in found["steps"]}
    assert steps["start-capacity"]["started_s"] < steps["promote-database"]["ended_s"]
    assert {name for name, step in steps.items() if step["status"] != "done"} <= {"fence"}  # best effort: its Region is lost


def test_lost_writes_are_exactly_the_acknowledged_ones_that_nobody_holds(drill: Drilled) -> None:
    """Computed once more from the history and the surviving content, the lists are the same."""
    raw = drill.raw
    assert set(raw.result["lost_writes"]) == raw.acked() - raw.held()
    assert raw.result["acked_writes"] == len(raw.acked()) > 100
    assert raw.result["doubled_writes"] == []


def test_nothing_of_a_lost_region_answers_after_the_cut(drill: Drilled) -> None:
    """No acknowledgement comes from one's addresses and no AWS call is answered to an outsider once its links are cut."""
    found = drill.raw.result
    onset = datetime.fromisoformat(found["onset"]).timestamp()
    late = [
        op for op in drill.raw.history if op["outcome"] == "ok" and op["sent"] > onset + 0.5 and op["address"].startswith("10.1.")
    ]
    assert late == []


def test_the_emulator_had_an_answer_to_every_call(drill: Drilled) -> None:
    """What a drill finds is never a gap of the emulator: none was met, and nothing failed inside it."""
    calls = drill.raw.calls
    assert len(calls) > 300
    assert [c for c in calls if c["error"] == "EmulatorUnsupported" or c["status"] >= 500] == []
    assert "unsupported" not in (drill.raw.folder / "logs" / "lab.log").read_text()


def test_what_hadr_asked_of_aws_is_within_its_role(drill: Drilled) -> None:
    """As the API saw it, by the client's name: nothing that the role's policy does not allow, and what a failover needs.

    It was asked with the role's key (STS's begin with ASIA), with which the clusters allow its group's rights only.
    """
    assert {call["access_key"][:4] for call in drill.raw.calls if " hadr/" in call["agent"]} == {"ASIA"}
    asked = drill.raw.asked_by_hadr
    assert outside(asked) == ()
    assert {("rds", "failover_global_cluster"), ("s3", "put_object"), ("elbv2", "describe_target_health")} <= asked


class Loads(HTMLParser):
    """Everything that a browser would fetch for a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what is not inside the page."""
        named = {name: value or "" for name, value in attrs}
        addresses = [named.get("src", ""), named.get("href", "") if tag in ("link", "image", "use") else ""]
        self.fetched += [f"{tag} {a}" for a in addresses if a and not a.startswith(("data:", "#"))]


def test_the_report_is_one_file_that_needs_nothing_else(drill: Drilled) -> None:
    """No script, style, font or picture is fetched, and it shows the steps, the losses and what was simulated."""
    page = (drill.raw.folder / "report.html").read_text()
    assert Loads(page).fetched == []
    assert not re.search(r"@import|url\(\s*['\"]?(?!data:|#)", page)
    for word in ("promote-database", "move-traffic", "Aurora", "lost", "valid"):
        assert word in page


def test_the_record_of_hadr_is_whole(drill: Drilled) -> None:
    """The plan and the hash-chained journal are in the run folder, and hadr itself finds the journal untouched and the run done."""
    assert {"plan.json", "journal.jsonl", "history.jsonl", "result.json", "report.html"} <= {
        p.name for p in drill.raw.folder.iterdir()
    }
    verified = verify((drill.raw.folder / "journal.jsonl").read_text())
    assert not verified.torn
    assert run_record(verified.entries).status == "done"


def test_the_end_of_a_drill_says_what_was_found(drill: Drilled) -> None:
    """The table has phases, outage, requests, writes and the report's path; stderr had a line for every long step."""
    for words in ("onset to detected", "client outage", "requests, failed", "writes acked, lost, doubled", "report.html"):
        assert words in drill.printed
    assert "VALID" in drill.printed.splitlines()[1]
    for words in (
        "as Terraform made it",
        "EKS control planes up",
        "members deployed",
        "the site serves",
        "fault: lose-region",
        "detected",
    ):
        assert words in drill.said


def test_nothing_is_left_after_a_drill(drill: Drilled) -> None:
    """No process is in a namespace of the lab and no mount keeps one; who asks for that lab is told that it has ended."""
    assert len(drill.spaces) > 10
    assert drill.left == []
    asked = hadr_lab("env", "--run", drill.raw.folder)
    assert (asked.returncode, asked.stdout) == (64, "")
    assert re.fullmatch(r"hadr-lab: the lab of .* has ended; start one with `hadr-lab up dr-multi-region`\n", asked.stderr)


def test_the_logs_of_a_drill_can_be_read_afterwards(drill: Drilled) -> None:
    """`hadr-lab logs` lists them, and prints one by its name or a part of it that fits only one."""
    listed = hadr_lab("logs", "--run", drill.raw.folder).stdout.split()
    assert {"lab", "hadr", "kube-apiserver-peccy-one", "database-us-east-2-peccy-two", "load", "name-server"} <= set(listed)
    assert "promote-database" in hadr_lab("logs", "hadr", "--run", drill.raw.folder).stdout
    assert len([log for log in listed if log.startswith("pods/kube-system_karpenter-")]) >= 2
    assert hadr_lab("logs", "no-such", "--run", drill.raw.folder).returncode == 64
    assert Path(drill.raw.folder).name.endswith("-region-loss")
