"""Reading a request's body into memory, never more of it than allowed."""

from __future__ import annotations

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect


async def read_body(request: Request, *, most: int) -> bytes:
    """Return the whole body. Raises HTTPException 413 as soon as it is known to be longer than `most` bytes, 400 when cut short."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise HTTPException(413, f"at most {most} bytes")
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise HTTPException(413, f"at most {most} bytes")
    except ClientDisconnect:
        raise HTTPException(400, "the body ended early") from None
    return bytes(body)
