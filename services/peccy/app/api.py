"""The HTTP contract: names, hobbies, the picture, who answered, and whether this process can serve.

Decides status codes and shapes only. A dependency that cannot do its part is always 503 with `{"reason": …}`, a wrong request is
always 4xx; handlers hold no state of their own (`app.state` carries what `create` was given).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, HTTPException, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, StringConstraints

from app import multipart, png
from app.answered import AnsweredBy
from app.body import read_body
from app.errors import Conflict, Unavailable
from app.face import FACE
from app.hobbies import Hobbies, Hobby
from app.hot import LARGEST_ID, PAGE, HotPaths, listed, refusal
from app.pictures import Pictures
from app.readiness import Readiness
from app.settings import PICTURE_LIMIT, Identity

FORM_ROOM = 4096
"""Bytes a form may need around the picture."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
HobbyId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Key = Annotated[str | None, Header(alias="idempotency-key", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

router = APIRouter()


class NewHobby(BaseModel):
    """What a client sends to add a hobby."""

    name: Name


@router.get("/infos/name")
async def name() -> dict[str, str]:
    """The name of the service's hero."""
    return {"name": "peccy"}


@router.get("/infos/picture")
async def picture(request: Request) -> Response:
    """The newest picture; a built-in one when there was never another."""
    data = await _pictures(request).read()
    return Response(FACE if data is None else data, media_type="image/png", headers={"cache-control": "no-store"})


@router.put("/infos/picture")
async def replace_picture(request: Request, key: Key = None) -> dict[str, str]:
    """Store a PNG, sent as image/png or as the field `file` of a form, once for each key."""
    data = await _sent_picture(request)
    if len(data) > PICTURE_LIMIT:
        raise HTTPException(413, f"a picture has at most {PICTURE_LIMIT} bytes")
    if not png.is_png(data):
        raise HTTPException(415, "not a PNG")
    if not png.is_whole(data):
        raise HTTPException(422, "the PNG is damaged or cut short")
    key = key or uuid.uuid4().hex
    await _fence(request)
    await _pictures(request).save(key=key, data=data)
    return {"result": "ok", "key": key}


@router.get("/hobbies")
async def hobbies(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000)] = PAGE,
    before: Annotated[int, Query(ge=1, le=LARGEST_ID)] = LARGEST_ID,
) -> Response:
    """The newest hobbies, newest first; `before` an id gives the page after it."""
    rows = await _hobbies(request).newest(limit=limit, before=before)
    return Response(listed(rows), media_type="application/json")


@router.post("/hobbies", status_code=201)
async def add_hobby(request: Request, hobby: NewHobby, key: Key = None) -> Response:
    """Add a hobby once for each key; a repeat answers what the first one did."""
    made = await _hobbies(request).create(name=hobby.name, key=key or uuid.uuid4().hex)
    return JSONResponse(asdict(made), status_code=201, headers={"location": f"/hobbies/{made.id}"})


@router.get("/hobbies/{hobby_id}")
async def hobby(request: Request, hobby_id: HobbyId) -> Hobby:
    """One hobby with the key of the write that made it."""
    found = await _hobbies(request).read(hobby_id)
    if found is None:
        raise HTTPException(404, f"there is no hobby {hobby_id}")
    return found


@router.delete("/hobbies/{hobby_id}", status_code=204)
async def remove_hobby(request: Request, hobby_id: HobbyId) -> None:
    """Remove a hobby."""
    if not await _hobbies(request).delete(hobby_id):
        raise HTTPException(404, f"there is no hobby {hobby_id}")


@router.get("/debugs")
async def debugs(request: Request) -> dict[str, str]:
    """Everything about who answers."""
    return asdict(_identity(request))


@router.get("/debugs/{what}")
async def debug(request: Request, what: str) -> dict[str, str]:
    """One fact about who answers: hostname, region, zone, member or version."""
    facts: dict[str, str] = asdict(_identity(request))
    if what not in facts:
        raise HTTPException(404, f"there is no {what!r}; ask for one of {', '.join(facts)}")
    return {what: facts[what]}


@router.get("/healthz")
@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers; says nothing about what it depends on (/healthz is the older name)."""
    return {"status": "UP"}


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Whether reads and writes can be served now: for DNS health checks and failover."""
    return _verdict((await _readiness(request).now()).all)


@router.get("/readyz/reads")
async def readyz_reads(request: Request) -> Response:
    """Whether reads can be served now: a read-only database does not take the reads away too."""
    return _verdict((await _readiness(request).now()).reads)


@router.get("/readyz/local")
async def readyz_local(request: Request) -> Response:
    """Whether this pod has what is its own or its zone's: for the kubelet and the load balancer, which choose between pods.

    What all pods share is left out. When the database moves away from a lost zone, every living pod would call itself unready for a
    moment, and traffic would go to the dead ones, which cannot.
    """
    local: Readiness = request.app.state.local
    return _verdict((await local.now()).reads)


def create(
    *,
    identity: Identity,
    hobbies: Hobbies,
    pictures: Pictures,
    readiness: Readiness,
    local: Readiness,
    fence: Callable[[], Awaitable[None]] | None = None,
) -> FastAPI:
    """Return the application over these parts; it closes hobbies and pictures when it ends.

    `fence` is asked before a picture is stored and raises Unavailable when none may be.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await hobbies.close()
        await pictures.close()

    app = FastAPI(title="peccy", version=identity.version, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.identity, app.state.hobbies, app.state.pictures, app.state.readiness = identity, hobbies, pictures, readiness
    app.state.local, app.state.fence = local, fence
    app.include_router(router)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(Conflict, _conflict)
    app.add_middleware(HotPaths, hobbies=hobbies)
    app.add_middleware(AnsweredBy, identity=identity)
    return app


async def _fence(request: Request) -> None:
    fence: Callable[[], Awaitable[None]] | None = request.app.state.fence
    if fence is not None:
        await fence()


async def _sent_picture(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "image/png":
        return await read_body(request, most=PICTURE_LIMIT)
    if kind != "multipart/form-data":
        raise HTTPException(415, "send image/png, or multipart/form-data with the field 'file'")
    try:
        boundary = multipart.boundary_of(content_type)
        return multipart.field(await read_body(request, most=PICTURE_LIMIT + FORM_ROOM), boundary=boundary, name="file")
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


def _verdict(reasons: tuple[str, ...]) -> Response:
    if not reasons:
        return JSONResponse({"status": "ready"})
    return JSONResponse({"reason": "; ".join(reasons)}, status_code=503)


async def _unavailable(_: Request, error: Exception) -> Response:
    return Response(refusal(error), status_code=503, media_type="application/json", headers={"retry-after": "1"})


async def _conflict(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, status_code=409)


def _identity(request: Request) -> Identity:
    identity: Identity = request.app.state.identity
    return identity


def _hobbies(request: Request) -> Hobbies:
    hobbies: Hobbies = request.app.state.hobbies
    return hobbies


def _pictures(request: Request) -> Pictures:
    pictures: Pictures = request.app.state.pictures
    return pictures


def _readiness(request: Request) -> Readiness:
    readiness: Readiness = request.app.state.readiness
    return readiness
