"""SQS's long polling, done by asking again, because moto would wait inside the call and hold the service's lock meanwhile.

A consumer that waits 20 s for a message must not keep every other caller of SQS waiting (seen: Karpenter's GetQueueUrl took 10 s).
"""

from __future__ import annotations

import re
from dataclasses import replace

from hadr_lab.aws.scope import Incoming

EVERY_S = 0.5
_QUERY = re.compile(rb"(WaitTimeSeconds=)(\d+)")
_JSON = re.compile(rb'("WaitTimeSeconds"\s*:\s*)(\d+)')


def without_wait(request: Incoming) -> tuple[Incoming, float]:
    """The same ReceiveMessage without waiting, and how many seconds it wanted to wait."""
    for pattern in (_JSON, _QUERY):
        found = pattern.search(request.body)
        if found is not None:
            return replace(request, body=pattern.sub(rb"\g<1>0", request.body)), float(found[2])
    return request, 0.0


def empty(body: str | bytes | None) -> bool:
    """Whether an answer to ReceiveMessage brought no message."""
    text = body.encode() if isinstance(body, str) else (body or b"")
    return b'"Messages"' not in text and b"<Message>" not in text
