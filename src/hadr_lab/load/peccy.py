"""What the clients say to peccy and what its answers mean to them: the requests, and ok / fail / info for each reply.

A write is ok only for a 2xx whose body echoes its id. It is a definite failure only when it was certainly not carried out: never
sent, a 4xx, or a 503 that says the store is read-only. Everything else about a write is info: it may have taken effect.
"""

from __future__ import annotations

import json

from hadr_lab.history import Kind, Outcome
from hadr_lab.load.connection import Reply
from hadr_lab.load.picture import picture

READ_ONLY = ("read-only", "read only", "readonly")


def request(kind: Kind, key: str, *, host: str, read_path: str = "/hobbies") -> bytes:
    """The bytes of one request. `key` goes with a write as idempotency key and inside its body."""
    match kind:
        case Kind.READ:
            return f"GET {read_path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n".encode()
        case Kind.WRITE:
            body = json.dumps({"name": key}).encode()
            return _with_body("POST", "/hobbies", "application/json", key, host, body)
        case Kind.FILE:
            return _with_body("PUT", "/infos/picture", "image/png", key, host, picture(key))


def judge(kind: Kind, key: str, reply: Reply, *, sent: bool) -> tuple[Outcome, str]:
    """What a reply means to the client that sent it, and the reason in words when it is not ok."""
    answered_2xx = 200 <= reply.status < 300
    if kind is Kind.READ:
        return (Outcome.OK, "") if answered_2xx else (Outcome.FAIL, _reason(reply))
    if answered_2xx:
        return (Outcome.OK, "") if key.encode() in reply.body else (Outcome.INFO, "the answer does not echo the id")
    reason = _reason(reply)
    refused = 400 <= reply.status < 500 or (reply.status == 503 and any(word in reason.lower() for word in READ_ONLY))
    return (Outcome.FAIL if refused or not sent else Outcome.INFO), reason


def _with_body(method: str, path: str, content: str, key: str, host: str, body: bytes) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content}\r\n"
        f"Content-Length: {len(body)}\r\nIdempotency-Key: {key}\r\nAccept: application/json\r\n\r\n"
    )
    return head.encode() + body


def _reason(reply: Reply) -> str:
    if not reply.status:
        return reply.error
    try:
        said = json.loads(reply.body)
        reason = said.get("reason") or said.get("detail") if isinstance(said, dict) else None
    except ValueError:
        reason = None
    return f"{reply.status} {str(reason)[:120]}" if reason else str(reply.status)
