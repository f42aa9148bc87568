"""Whether a study's file is whole, and what in it is safe: also of a file that cannot be opened any more."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.errors import Error
from causalbandit.formats.graph_json import load_problem
from causalbandit.interventions import InterventionSet
from causalbandit.study.database import FAULTS, LAST_ID, TABLES, StudyError, is_whole, read_only, require_whole
from causalbandit.study.design_ledger import EVENT, DesignLedger
from causalbandit.study.page import rows_frame
from causalbandit.study.proof import Proof
from causalbandit.study.search_stage import SearchStage
from causalbandit.study.sheets import counts_of
from causalbandit.study.store import RESULT, Result, Store, row_of
from causalbandit.study.telling import counts_from
from causalbandit.study.terms import Terms

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_TEXTS = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
PORTION = 20_000
"""Keys whose rows are read at a time."""
PROBES = 4_000
"""Questions to a damaged table after which the rest of it counts as lost: a second or two."""


@dataclass(frozen=True)
class StudyCheck:
    """What was found in a study's file.

    Attributes
    ----------
    path : str
        The file.
    damages : tuple of str
        What is wrong, a sentence each.
    safe, lost : dict
        By kind ("settings", "batches", "told rows", "running experiments", "events of the design"): how many can be
        read and match their checksums, and how many are there but cannot or do not.
    rows : tuple of Result
        The told rows of the search that are safe, when the file is damaged.
    interventions : InterventionSet, optional
        The interventions of the search; None when they are lost, or for a running design.
    """

    path: str
    damages: tuple[str, ...]
    safe: Mapping[str, int]
    lost: Mapping[str, int]
    rows: tuple[Result, ...] = field(default=(), repr=False)
    interventions: InterventionSet | None = field(default=None, repr=False)

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> StudyCheck:
        """The check of a file. Reads every row and changes nothing.

        Raises
        ------
        StudyError
            For what is no study at all.
        """
        place = Path(path)
        with contextlib.closing(read_only(place)) as connection:
            tables = {name: _Table(connection, *questions) for name, questions in _TABLES.items()}
            damages = list(_damages(place, not any(table.lost for table in tables.values())))
            lost = {name: table.lost for name, table in tables.items()}
            damages += [f"{count:,} {name} cannot be read or do not match" for name, count in lost.items() if count]
            rows = tuple(map(row_of, tables["told rows"].good())) if damages else ()
            settings = dict(tables["settings"].good())
        arms = load_problem(io.StringIO(settings["problem"])).interventions if "problem" in settings else None
        return cls(str(path), tuple(damages), {name: table.safe for name, table in tables.items()}, lost, rows, arms)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damages

    def rescued(self) -> pd.DataFrame:
        """The told rows of the search that are safe in a damaged file, with the columns of `Study.rows`."""
        if self.interventions is None:
            raise StudyError(f"{self.path!r} holds no search, or has lost its problem, without which rows say nothing.")
        return rows_frame(self.interventions, self.rows, None)

    def summary(self) -> str:
        """What was found, as text."""
        held = ", ".join(f"{count:,} {name}" for name, count in self.safe.items() if count and name != "settings")
        if self.whole:
            return f"{self.path}: whole; safe are {held or 'its terms'}."
        return "\n".join(
            [
                f"{self.path}: damaged",
                *(f"  {text}" for text in self.damages),
                f"Safe are {held or 'no rows'}. Nothing was changed: keep a copy of this file, and go on with one from "
                "before the damage.",
            ]
        )


class _Table:
    """A table, read in portions: how many of its rows are safe, and how many are not."""

    def __init__(self, connection: sqlite3.Connection, question: str, key: str) -> None:
        self._connection = connection
        self._question = f"{question} WHERE {key} BETWEEN ? AND ?"
        self._bounds = f"SELECT MIN({key}), MAX({key}) FROM {question.rpartition(' FROM ')[2]}"
        self.lost = 0
        self.safe = sum(1 for _ in self.good())

    def good(self) -> Iterator[Any]:
        """The safe rows without their checksums; counts the others."""
        self.lost, self._left = 0, PROBES
        try:
            low, high = self._connection.execute(self._bounds).fetchone()
        except sqlite3.OperationalError:
            return  # no such table
        except FAULTS:
            low, high = -LAST_ID, LAST_ID
        if low is None:
            return
        step = PORTION if high - low < LAST_ID else high - low + 1
        for start in range(low, high + 1, step):
            for row in self._read(start, min(start + step - 1, high)):
                if is_whole(row):
                    yield row[:-1]
                else:
                    self.lost += 1

    def _read(self, low: int, high: int) -> Iterator[tuple[Any, ...]]:
        """All rows with keys from ``low`` to ``high``; where a page is damaged, by halves around it."""
        self._left -= 1
        try:
            rows = self._connection.execute(self._question, (low, high)).fetchall()
        except FAULTS:
            if low == high or self._left < 0:
                self.lost += 1
                return
            middle = (low + high) // 2
            yield from self._read(low, middle)
            yield from self._read(middle + 1, high)
            return
        yield from rows


_TABLES = {
    "settings": ("SELECT name, value, checksum FROM settings", "rowid"),
    "batches": ("SELECT phase, first, places, checksum FROM batches", "number"),
    "told rows": (RESULT, "id"),
    "running experiments": ("SELECT id, batch, place, asked, checksum FROM open_experiments", "id"),
    "abandoned experiments": ("SELECT id, batch, place, at, checksum FROM abandoned", "id"),
    "replaced rows": ("SELECT id, observed, extra, told, replaced, checksum FROM amendments", "number"),
    "events of the design": (EVENT, "number"),
}
"""Kind of row → the question for it, with its checksum as the last column, and its key."""


def _damages(path: Path, readable: bool) -> Iterator[str]:
    """What is wrong with the file as a whole, a sentence each; how its rows fit together only if all are readable."""
    try:
        require_whole(path)
        with Store(path, read_only(path)) as store:
            store.execute("BEGIN")  # all of it as it is now, whoever writes on
            said = [text for (text,) in store.rows("PRAGMA integrity_check") if text != "ok"]
            if said:
                yield f"SQLite finds {len(said)} faults, the first: {said[0].splitlines()[0]}"
                return
            if set(store.rows(SCHEMA_TEXTS)) != _schema():
                yield "its tables are not those of a study"
                return
            if not readable:
                return
            missing = store.rows("PRAGMA foreign_key_check")
            if missing:
                yield f"{len(missing)} rows name a batch that is missing"
                return
            settings = store.settings()
            if settings.get("kind") == "design":
                _replay(store, json.loads(settings["design"]))
            else:
                yield from _search_damages(store, settings)
    except (Error, UnicodeDecodeError) as error:
        yield str(error)


def _schema() -> set[tuple[Any, ...]]:
    """The texts that make the tables of a study."""
    with contextlib.closing(sqlite3.connect(":memory:")) as made:
        made.executescript(TABLES)
        return set(made.execute(SCHEMA_TEXTS))


def _replay(store: Store, design: Mapping[str, Any]) -> None:
    """Go through the events of a design, which raises where they contradict it, if the file holds all of it."""
    own = [design["settings"][name] for name in ("delta", "decay", "outcome_model")]
    lacks = any(isinstance(setting, dict) and "power" not in setting for setting in own)
    if design["policy"]["settings"] is not None and not lacks:
        DesignLedger(store, design).running()


def _search_damages(store: Store, settings: Mapping[str, str]) -> Iterator[str]:
    """What contradicts itself: numbers of rows, their places in the plan, and the counts that they add up to."""
    shipped = json.loads(settings["strategy"])["class"].startswith("causalbandit.")
    terms = Terms.from_settings(settings) if shipped else None  # a strategy of one's own is not in the file
    if terms is not None:
        arms = terms.problem.interventions
        SearchStage(store, terms).caught_up()
        proof = Proof.found(store, terms.problem)
        if proof is not None:
            proof.status()
    batches = {batch.number: batch for batch in store.batches()}
    ids: list[int] = []
    for table in ("results", "open_experiments", "abandoned"):
        rows = store.rows(f"SELECT id, batch, place FROM {table} WHERE id > 0 ORDER BY batch")
        ids += [number for number, _, _ in rows]
        wrong = sum(
            not 0 <= number - batches[batch].first < batches[batch].handed
            or store.places(batch)[number - batches[batch].first] != place
            for number, batch, place in rows
        )
        if wrong:
            yield f"{wrong} rows of {table} do not fit the plan"
    told = dict(store.rows("SELECT batch, COUNT(*) FROM results WHERE id > 0 GROUP BY batch"))
    given_up = dict(store.rows("SELECT batch, COUNT(*) FROM abandoned GROUP BY batch"))
    for batch in batches.values():
        found = (told.get(batch.number, 0), given_up.get(batch.number, 0))
        if batch.closed and batch.handed < batch.total:
            yield f"batch {batch.number + 1} is closed, and not all of it was handed out"
        if found != (batch.told, batch.abandoned):
            yield f"batch {batch.number + 1} counts {(batch.told, batch.abandoned)} told and given up; it has {found}"
    handed = sum(batch.handed for batch in batches.values())
    if not len(set(ids)) == len(ids) == handed:
        yield f"{handed} experiments were handed out, and {len(set(ids))} are accounted for"
    if terms is None:
        return
    for (tally,) in store.rows("SELECT batch FROM tallies UNION SELECT counted_in FROM results WHERE NOT excluded"):
        rows = store.rows("SELECT place, observed FROM results WHERE counted_in = ? AND NOT excluded", (tally,))
        observed = np.frombuffer(b"".join(seen for _, seen in rows), dtype=np.uint8).reshape(-1, len(arms.graph.nodes))
        if counts_of(arms, [place for place, _ in rows], observed) != counts_from(store.tally(tally), arms):
            yield f"the counts of batch {tally + 1} are not those of its rows"
