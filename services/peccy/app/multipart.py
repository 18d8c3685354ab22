"""The one use of multipart/form-data here: finding the file that a form sends (RFC 7578).

The body is already in memory and bounded. Anything that does not fit the format is refused with ValueError, never guessed.
"""

from __future__ import annotations

from email.message import Message


def boundary_of(content_type: str) -> str:
    """Return the boundary of a multipart/form-data content type. Raises ValueError when it has none."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary("")
    if not boundary:
        raise ValueError("multipart/form-data without a boundary")
    return str(boundary)


def field(body: bytes, *, boundary: str, name: str) -> bytes:
    """Return the content of the part called `name`. Raises ValueError when there is no such part or the form is cut short."""
    mark = b"--" + boundary.encode("latin-1")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("the form has no end")
    for piece in pieces[1:-1]:
        head, found, content = piece.partition(b"\r\n\r\n")
        if found and _name_of(head) == name:
            return content
    raise ValueError(f"the form has no field {name!r}")


def _name_of(head: bytes) -> str:
    for line in head.decode("latin-1").split("\r\n"):
        title, _, value = line.partition(":")
        if title.strip().lower() == "content-disposition":
            header = Message()
            header["content-disposition"] = value.strip()
            return str(header.get_param("name", "", header="content-disposition"))
    return ""
