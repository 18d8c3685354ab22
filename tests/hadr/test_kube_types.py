"""The Kubernetes adapter's types are learned before threads use them."""

from __future__ import annotations

import subprocess
import sys

RACE = """
import json, sys, threading
from hadr.adapters.kube import Kubernetes
Kubernetes(lambda member: None)
from lightkube.core.decoders import decode_list
from lightkube.resources.core_v1 import Pod
body = json.dumps({"items": [{"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a"}]}}] * 50}).encode()
start = threading.Barrier(4)
def read():
    start.wait()
    decode_list(body, Pod)
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=read) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_two_clusters_that_answer_together_do_not_crash_the_tool() -> None:
    """Threads may decode the same kind at once: without the adapter's preparation this program ends by SIGSEGV, each time."""
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
