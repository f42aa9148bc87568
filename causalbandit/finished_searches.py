"""The file that keeps the finished searches of a comparison of strategies, so that an interrupted run can go on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple, get_type_hints

import numpy as np

from causalbandit.errors import BadValue, Error, listing
from causalbandit.files import check_output
from causalbandit.strategies.strategy import Strategy

FILE_FORMAT = "causalbandit regret, version 1"


class ResumeError(Error, ValueError):
    """A resume file that cannot be used: of another run, damaged, in use, or not to be written."""


class FinishedSearch(NamedTuple):
    """One finished search. ``problem`` and ``strategy`` are places in the lists of the run."""

    problem: int
    strategy: int
    budget: float
    replication: int
    chosen: int
    regret: float
    correct: bool
    experiments: int
    seconds: float
    contradicted: bool = False
    amendments: int = 0
    money: float = 0.0

    @property
    def key(self) -> tuple[int, int, float, int]:
        """Problem, strategy, budget and replication: what tells it from all others."""
        return self[:4]


_ROW_TYPES = tuple(int | float if kind is float else kind for kind in get_type_hints(FinishedSearch).values())


class SearchStore:
    """Finished searches in a file: a first line that says of what, then one JSON list per search, only ever appended.

    A block of lines is written and synchronised before it counts as done. A last line without its end, left by a killed
    process, is cut off. The file is locked while a run writes to it. Without a ``path`` nothing is kept.

    ``problems`` are the label and the fingerprint of each problem, and the size of its set of interventions. Once the
    file is open ``rows`` holds what it held and ``seed`` the run's seed, which with ``any_seed`` is the file's.

    Raises
    ------
    ResumeError
        On entering, for a file of another run (the difference is named), a damaged one, or one in use.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        problems: Sequence[tuple[str, str, int]],
        labelled: Mapping[str, Strategy],
        seed: np.random.SeedSequence,
        *,
        any_seed: bool = False,
    ) -> None:
        self.path = None if path is None else os.fspath(path)
        self._problems = [[label, fingerprint] for label, fingerprint, _ in problems]
        self._n_interventions = [size for _, _, size in problems]
        self._strategies = [[label, _described(strategy)] for label, strategy in labelled.items()]
        self.seed, self._any_seed = seed, any_seed
        self.rows: list[FinishedSearch] = []
        self._file: IO[bytes] | None = None

    def __enter__(self) -> SearchStore:
        if self.path is None:
            return self
        try:
            self._file = open(check_output(self.path), "a+b")
        except OSError as error:
            raise ResumeError(f"The resume file cannot be written: {error}") from error
        try:
            _lock(self._file, self.path)
            self._read(self._file)
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rows: Sequence[FinishedSearch]) -> None:
        """Append finished searches, safe on disk on return."""
        self._append("".join(json.dumps(list(row)) + "\n" for row in rows))

    def _append(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text.encode())
            self._file.flush()
            os.fsync(self._file.fileno())

    def _begin(self) -> None:
        """Write the first line of a new file."""
        header = {
            "format": FILE_FORMAT,
            "seed": _seed_state(self.seed),
            "problems": self._problems,
            "strategies": self._strategies,
            "columns": list(FinishedSearch._fields),
        }
        self._append(json.dumps(header, ensure_ascii=False) + "\n")

    def _read(self, file: IO[bytes]) -> None:
        file.seek(0)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.split(b"\n")[:-1]
        if not lines:
            # Nothing, or a first line that was cut off while it was written: ours to start anew, nobody else's.
            if content and not f'{{"format": "{FILE_FORMAT}"'.encode().startswith(content[:20]):
                raise self._refused("it is not a file of finished searches")
            file.truncate(0)
            self._begin()
            return
        self._check_header(lines[0])
        for number, line in enumerate(lines[1:], start=2):
            try:
                row = FinishedSearch(*json.loads(line))
                if any(not isinstance(value, kind) for value, kind in zip(row, _ROW_TYPES, strict=True)):
                    raise TypeError("a value of another type")
                if not (0 <= row.problem < len(self._problems) and 0 <= row.strategy < len(self._strategies)):
                    raise BadValue("place outside the lists")
                if not 0 <= row.chosen < self._n_interventions[row.problem]:
                    raise BadValue("place outside the set of interventions")
            except (ValueError, TypeError) as error:
                raise self._refused(f"line {number} is damaged ({line[:60]!r})") from error
            self.rows.append(row)
        if len(whole) < len(content):
            file.truncate(len(whole))

    def _check_header(self, line: bytes) -> None:
        try:
            header = json.loads(line)
        except ValueError:
            header = None
        if not isinstance(header, dict) or header.get("format") != FILE_FORMAT:
            raise self._refused(f"its first line is not that of {FILE_FORMAT!r}")
        for what, mine in (("problems", self._problems), ("strategies", self._strategies)):
            theirs = header.get(what)
            if theirs != mine:
                raise self._refused(f"its {what} differ: {_first_difference(theirs, mine)}")
        state: Any = header.get("seed")
        try:
            entropy = state["entropy"]
            seed = np.random.SeedSequence(
                int(entropy) if isinstance(entropy, str) else [int(word) for word in entropy],
                spawn_key=tuple(state["spawn_key"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._refused(f"its first line has no seed that could be read ({state!r})") from error
        wanted = _seed_state(self.seed)
        if not self._any_seed and state != wanted:
            raise self._refused(f"its seed is {_seed_text(state)}, and this run's is {_seed_text(wanted)}")
        self.seed = seed

    def _refused(self, why: str) -> ResumeError:
        fix = "Name another file to start anew, or give the problems, strategies and seed of the file"
        return ResumeError(f"The resume file {self.path!r} does not belong to this run: {why}. {fix}.")


def _seed_state(seed: np.random.SeedSequence) -> dict[str, Any]:
    entropy: Any = seed.entropy
    text = str(entropy) if isinstance(entropy, (int, np.integer)) else [str(word) for word in entropy]
    return {"entropy": text, "spawn_key": [int(key) for key in seed.spawn_key]}


def _seed_text(state: Mapping[str, Any]) -> str:
    entropy = state["entropy"]
    text = entropy if isinstance(entropy, str) else f"[{', '.join(entropy)}]"
    return f"{text} {tuple(state['spawn_key'])}" if state["spawn_key"] else text


def _first_difference(theirs: Any, mine: Sequence[list[str]]) -> str:
    if not isinstance(theirs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in theirs):
        return f"the file has {theirs!r}"
    if [pair[0] for pair in theirs] != [pair[0] for pair in mine]:
        return f"the file has {listing(pair[0] for pair in theirs)}, this run {listing(pair[0] for pair in mine)}"
    old, new = next(pair for pair in zip(theirs, mine, strict=True) if pair[0] != pair[1])
    return f"{new[0]!r} was {old[1]} in the file and is {new[1]} in this run"


def _lock(file: IO[bytes], path: str) -> None:
    """Keep other processes from writing to the same file; where the system has no such locks, do nothing."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ResumeError(
            f"The resume file {path!r} is being written by another run; wait for it or name another file."
        ) from error


def _described(value: Any) -> str:
    """A strategy's class and parameters as text; arrays and tables by a digest of their content."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f"{each.name}={_described(getattr(value, each.name))}" for each in dataclasses.fields(value))
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]}"
    if hasattr(value, "to_csv"):
        return f"table {hashlib.sha256(value.to_csv().encode()).hexdigest()[:16]}"
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(_described, value))})"
    return repr(value)
