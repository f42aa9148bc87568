"""The database of a study: opening it, transactions, checksums, and its errors as sentences."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from causalbandit.errors import Error
from causalbandit.files import check_output

APPLICATION = 0x63624944
"""SQLite's application id of a study: the letters "cbID"."""
SCHEMA = 1
"""Version of the tables below, kept as SQLite's user version."""
HEAD = 100
"""Bytes of the header of an SQLite database; its user version and application id stand at 60 and 68."""
LAST_ID = 2**40
"""Beyond any id that a file holds."""
PATIENCE = 30.0
"""Seconds to wait for another process that is writing."""

FAULTS = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file raises: a text of SQLite may quote bytes of the file that are none."""

TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE batches (
    number INTEGER PRIMARY KEY, phase TEXT NOT NULL, first INTEGER NOT NULL, total INTEGER NOT NULL,
    places BLOB NOT NULL, checksum INTEGER NOT NULL,
    handed INTEGER NOT NULL DEFAULT 0 CHECK (handed BETWEEN 0 AND total),
    told INTEGER NOT NULL DEFAULT 0, abandoned INTEGER NOT NULL DEFAULT 0,
    closed INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1))
);
CREATE TABLE tallies (batch INTEGER PRIMARY KEY, counts BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE open_experiments (
    id INTEGER PRIMARY KEY, batch INTEGER NOT NULL REFERENCES batches(number), place INTEGER NOT NULL,
    asked REAL NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX open_by_place ON open_experiments (place, id);
CREATE TABLE results (
    id INTEGER PRIMARY KEY, batch INTEGER REFERENCES batches(number), place INTEGER NOT NULL,
    counted_in INTEGER NOT NULL, excluded INTEGER NOT NULL CHECK (excluded IN (0, 1)),
    observed BLOB NOT NULL, extra TEXT NOT NULL, told REAL NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX excluded_results ON results (id) WHERE excluded;
CREATE TABLE abandoned (
    id INTEGER PRIMARY KEY, batch INTEGER NOT NULL REFERENCES batches(number), place INTEGER NOT NULL,
    at REAL NOT NULL, checksum INTEGER NOT NULL
);
CREATE TABLE amendments (
    number INTEGER PRIMARY KEY, id INTEGER NOT NULL REFERENCES results(id), observed BLOB NOT NULL, extra TEXT NOT NULL,
    told REAL NOT NULL, replaced REAL NOT NULL, checksum INTEGER NOT NULL
);
CREATE TABLE design_events (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id INTEGER NOT NULL, unit TEXT NOT NULL, value REAL,
    detail TEXT NOT NULL, at REAL NOT NULL, checksum INTEGER NOT NULL
);
"""


class StudyError(Error):
    """A study file that cannot be used, or an order that its state does not allow. Nothing was changed."""


class Database:
    """A study's file, open. Use it as a context manager, or call `close`."""

    def __init__(self, path: str | os.PathLike[str], connection: sqlite3.Connection) -> None:
        self.path, self.writable = Path(path), True
        self._connection = connection

    @classmethod
    def create(cls, path: str | os.PathLike[str], settings: Mapping[str, str]) -> Self:
        """A new file that holds ``settings``; an existing file is never overwritten."""
        place = check_output(path)
        try:
            with open(place, "xb"):  # claims the name: two that create the same study cannot both succeed
                pass
        except FileExistsError:
            raise StudyError(
                f"{str(place)!r} exists; a study is never overwritten. Open it, or choose a new name."
            ) from None
        try:
            store = cls(place, _connect(place))
            with store.transaction():
                for statement in TABLES.split(";"):
                    store.execute(statement)
                store.insert("settings", settings.items())
                store.execute(f"PRAGMA application_id = {APPLICATION}")
                store.execute(f"PRAGMA user_version = {SCHEMA}")
            # Only now: what the file is stands in its first bytes, not in a log beside it.
            store._begin_log()
        except BaseException:
            for leftover in (place, *(place.with_name(place.name + end) for end in ("-wal", "-shm", "-journal"))):
                leftover.unlink(missing_ok=True)
            raise
        return store

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """The file of a study, checked for being one; a StudyError tells what else it is."""
        place = Path(path)
        require_study(place)
        require_whole(place)
        # Where the file or its folder, which takes the log, may not be written, a study can be looked at.
        writable = os.access(place, os.W_OK) and os.access(place.parent, os.W_OK)
        store = cls(place, _connect(place) if writable else read_only(place))
        store.writable = writable
        try:
            if writable:
                store._begin_log()
            store.settings()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def settings(self) -> dict[str, str]:
        """What `create` was given."""
        return dict(self.records("SELECT name, value, checksum FROM settings", what="the setting {!r}"))

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Everything done to the store in the block, or nothing; other processes wait. An inner block is part of it."""
        if self._connection.in_transaction:
            yield self
            return
        if not self.writable:
            raise _refused(self.path, sqlite3.OperationalError("readonly"))
        with speaking(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, question: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows that answer a question."""
        with speaking(self.path):
            return self._connection.execute(question, values).fetchall()

    def records(self, question: str, values: Sequence[Any] = (), *, what: str) -> Iterator[Any]:
        """The rows that answer a question, one at a time, without their last column, the checksum that each must match.

        ``what`` names a row in the error; its braces stand for the first column.
        """
        with speaking(self.path):
            for row in self._connection.execute(question, values):
                if not is_whole(row):
                    raise self.damaged(what.format(row[0]))
                yield row[:-1]

    def value(self, question: str) -> Any:
        """The one value that answers a question."""
        return self.rows(question)[0][0]

    def execute(self, order: str, values: Sequence[Any] = ()) -> int:
        """Carry out an order; how many rows it changed. Inside a `transaction`."""
        return self._connection.execute(order, values).rowcount

    def insert(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows, whose checksums go into the last column. Inside a `transaction`."""
        whole = [(*row, checksum(*row)) for row in rows]
        if whole:
            marks = ", ".join("?" * len(whole[0]))
            self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", whole)

    def damaged(self, what: str) -> StudyError:
        return StudyError(
            f"{str(self.path)!r} is damaged: {what} does not match its checksum. Nothing was changed. `study check` "
            "tells what is safe; a copy from before has the rest."
        )

    def _begin_log(self) -> None:
        """Write changes into a log beside the file, which a crash leaves whole."""
        self.rows("PRAGMA journal_mode = WAL")


@contextmanager
def speaking(path: Path) -> Iterator[None]:
    """Turn the errors of the database into sentences."""
    try:
        yield
    except FAULTS as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: Exception) -> StudyError:
    return StudyError(f"{str(path)!r}: {_said(error)} Nothing was changed.")


def _said(error: Exception) -> str:
    """A sentence for what SQLite reports."""
    text = "malformed" if isinstance(error, UnicodeDecodeError) else str(error)
    for words, sentence in (
        ("full", "the disk is full; make room and do it again."),
        ("readonly", "the file or its folder may not be written; change its permissions or copy it elsewhere."),
        ("locked", f"another process has been writing for {PATIENCE:.0f} seconds; try again when it is done."),
        ("malformed", "the file is damaged (SQLite cannot read it); `study check` tells what is safe."),
        ("not a database", "the file is damaged or no study."),
        ("unable to open", "the file cannot be opened; is its folder there, and may it be written?"),
    ):
        if words in text:
            return sentence
    return f"the database reports: {text}."


def require_study(path: Path) -> None:
    """Raise, by the first bytes of a file, unless it is a study that this version can read."""
    if not path.is_file():
        raise StudyError(f"{str(path)!r} is no file; expected a study that was created before.")
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise StudyError(f"{str(path)!r} cannot be read ({error.strerror}). Nothing was changed.") from None
    if not head:
        raise StudyError(
            f"{str(path)!r} is empty: a study whose creation was interrupted, or no study. Delete it, to create one."
        )
    if len(head) < HEAD or head[:16] != b"SQLite format 3\0":
        raise StudyError(f"{str(path)!r} is no study: it does not begin like an SQLite database. Nothing was changed.")
    version, application = (int.from_bytes(head[place : place + 4], "big") for place in (60, 68))
    if application != APPLICATION:
        raise StudyError(f"{str(path)!r} is an SQLite database, but no study. Nothing was changed.")
    if version > SCHEMA:
        raise StudyError(
            f"{str(path)!r} was written by a newer version (tables of version {version}; this one knows {SCHEMA}). "
            "Nothing was changed: open it with that version."
        )


def require_whole(path: Path) -> None:
    """Raise for a file that is shorter than its first bytes say."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    page = int.from_bytes(head[16:18], "big")
    needed = int.from_bytes(head[28:32], "big") * (65536 if page == 1 else page)
    size, log = path.stat().st_size, path.with_name(path.name + "-wal")
    # While there is a log, what the file lacks may stand there: a process died as it was copied.
    if size < needed and not (log.is_file() and log.stat().st_size):
        raise StudyError(
            f"{str(path)!r} is damaged: it is cut off after {size:,} of {needed:,} bytes. Nothing was changed. "
            "`study check` tells what is safe; a copy from before has the rest."
        )


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot change the file, also of a damaged study; a StudyError for what is none."""
    require_study(path)
    address = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, timeout=PATIENCE, isolation_level=None, uri=True)
    try:
        connection.execute("SELECT COUNT(*) FROM sqlite_schema")
    except sqlite3.OperationalError:  # in a folder where nothing may be written, not even what readers share
        connection.close()
        connection = sqlite3.connect(f"{address}&immutable=1", isolation_level=None, uri=True)
    except FAULTS:
        pass  # damaged: whoever reads the tables finds out
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    with speaking(path):
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


def is_whole(row: Sequence[Any]) -> bool:
    """Whether the last column of a row is the checksum of those before."""
    return bool(row[-1] == checksum(*row[:-1]))


def checksum(*parts: str | bytes | float | None) -> int:
    """A sum over the parts, in which their borders count."""
    total = 0
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        total = zlib.crc32(data, zlib.crc32(len(data).to_bytes(8, "little"), total))
    return total
