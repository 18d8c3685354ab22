"""The baseline of the benchmark: a small service of the older one's published architecture, written for this comparison only.

It is FastAPI with handlers that are plain functions (so each request crosses a thread pool), one `scoped_session` shared by all of
them through a dependency, SQLAlchemy's ORM over mysqlclient with `pool_pre_ping`, and pydantic models for the answer. It is not the
older service: none of its code is here, its logging library is left out and so is everything but the list of hobbies.
"""

import importlib.util
import os
from collections.abc import Iterator

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, String, create_engine
from sqlalchemy.orm import Session, declarative_base, scoped_session, sessionmaker

DRIVER = "mysqldb" if importlib.util.find_spec("MySQLdb") else "pymysql"

engine = create_engine(os.environ["OLDER_DATABASE"].replace("mysql:", f"mysql+{DRIVER}:"), pool_pre_ping=True)
sessions = scoped_session(sessionmaker(bind=engine, autocommit=False, autoflush=False))
Base = declarative_base()


class HobbyRow(Base):
    """A row as the ORM maps it."""

    __tablename__ = "hobbies"
    id = Column(BigInteger, primary_key=True)
    name = Column(String(255))


class HobbyAnswer(BaseModel):
    """A row as it is answered."""

    id: int
    name: str

    class Config:
        """Read from attributes."""

        orm_mode = True


def session() -> Iterator[Session]:
    """The thread's session; entered, used and left in whichever threads of the pool are free, which is what breaks it."""
    mine = sessions()
    try:
        yield mine
    finally:
        mine.close()


app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"], allow_headers=["*"])


@app.get("/hobbies", response_model=list[HobbyAnswer])
def hobbies(database: Session = Depends(session)) -> list[HobbyRow]:  # noqa: B008 - the style of that time
    """Every hobby."""
    return database.query(HobbyRow).all()


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["OLDER_PORT"]), log_level="debug")
