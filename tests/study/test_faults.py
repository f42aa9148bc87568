"""Disks that are full, files that are damaged or of another kind: a clear message, and nothing is overwritten."""

import errno
import os
import re
import sqlite3
import subprocess

import numpy as np
import pytest
from campaigns import funnel, outcomes

from causalbandit.study.check import StudyCheck
from causalbandit.study.database import StudyError
from causalbandit.study.study import Study


def told_study(path, rows=40):
    """A finished file with some told rows, some running experiments and one that was given up."""
    with Study.create(path, funnel(), 200, "uniform", rng=1) as study:
        todo = study.ask(rows + 5)
        study.tell(outcomes(study.problem, todo.iloc[:rows]))
        study.abandon([rows + 1])
    return path


@pytest.fixture
def path(tmp_path):
    return told_study(tmp_path / "a.study")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, of 512 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(place)]
    if os.name != "posix" or os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only the superuser may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place):
    """Leave no room on a disk."""
    file = os.open(place / "filler", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, bytes(4096))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    finally:
        os.close(file)
    return place / "filler"


def test_a_full_disk_refuses_rows_and_keeps_those_before(small_disk):
    path = told_study(small_disk / "a.study")
    with Study.open(path) as study:
        todo = study.ask()
        filler = fill(small_disk)
        told = outcomes(study.problem, todo)
        with pytest.raises(StudyError, match=r"the disk is full; make room and do it again\. Nothing was changed"):
            study.tell(told.assign(note="x" * 2000))
        assert study.status().told == 40
        filler.unlink()
        study.tell(told)
        assert study.status().told == 40 + len(todo)
    assert StudyCheck.of(path).whole


def test_a_study_that_does_not_fit_is_not_begun(small_disk):
    fill(small_disk)
    with pytest.raises((StudyError, OSError), match=r"full|No space left"):
        Study.create(small_disk / "a.study", funnel(), 20, "uniform")
    assert not (small_disk / "a.study").exists()


def test_a_limit_of_the_database_is_a_full_disk_for_searches_and_confirmations(path):
    with Study.open(path) as study:
        study.confirm([{"ad": 1}], budget=2000, stop_early=False)
        pages = study._store.value("PRAGMA page_count")
        study._store.value(f"PRAGMA max_page_count = {pages + 4}")
        study.ask(10)
        before = study.status()
        with pytest.raises(StudyError, match="the disk is full"):
            study.ask(1500)
        assert study.status() == before
        study._store.value("PRAGMA max_page_count = 100000")
        asked = study.ask(50)
        assert asked["id"].iloc[0] == 10**7 + before.confirmation.open + 1
    assert StudyCheck.of(path).whole


def test_a_file_on_a_disk_that_is_only_read_can_be_looked_at(small_disk):
    path = told_study(small_disk / "a.study")
    before = path.read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert StudyCheck.of(path).whole
    with Study.open(path) as study:
        assert study.status().told == 40
        assert len(study.rows()) == 40
        for change in (study.ask, lambda: study.abandon([42])):
            with pytest.raises(StudyError, match="may not be written"):
                change()
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix" or not os.geteuid(), reason="the superuser may write everywhere")
def test_a_file_without_permission_is_not_written(path):
    path.chmod(0o444)
    with Study.open(path) as study, pytest.raises(StudyError, match="may not be written"):
        study.ask()


@pytest.mark.parametrize("share", [0.001, 0.5, 0.95])
def test_a_truncated_file_is_noticed(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    kept = path.read_bytes()
    with pytest.raises(StudyError, match=r"no study|damaged"), Study.open(path) as study:
        study.status(), study.rows(), study.outstanding()
    if share == 0.001:
        with pytest.raises(StudyError, match="no study"):
            StudyCheck.of(path)
    else:
        assert "cut off after" in StudyCheck.of(path).damages[0]
    assert path.read_bytes() == kept


def content(path):
    """Everything that a study holds, as texts."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_flipped_bytes_are_noticed_or_change_nothing(path, monkeypatch):
    """Random bytes, one at a time: the check finds the damage, or what the file holds is what it held."""
    monkeypatch.setattr("causalbandit.study.check.PROBES", 100)
    whole = path.read_bytes()
    held = content(path)
    rng = np.random.default_rng(5)
    found = 0
    for place in rng.choice(len(whole), 16, replace=False):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            check = StudyCheck.of(path)
        except StudyError:
            found += 1
            continue
        found += not check.whole
        if check.whole:
            assert content(path) == held, place
        assert path.read_bytes() == bytes(flipped)
    assert found


def test_what_is_safe_in_a_damaged_file_is_counted_and_kept(path):
    whole = bytearray(path.read_bytes())
    with Study.open(path) as study:
        told = study.rows()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE results SET observed = x'00010203' WHERE id = 7")
    connection.execute("UPDATE open_experiments SET place = 3 - place WHERE id = 43")
    connection.commit()
    connection.close()
    check = StudyCheck.of(path)
    assert (check.safe["told rows"], check.lost["told rows"], check.lost["running experiments"]) == (39, 1, 1)
    assert [row.id for row in check.rows] == [number for number in told["id"] if number != 7]
    assert "1 told rows cannot be read or do not match" in check.summary()
    assert "39 told rows" in check.summary()
    assert check.rescued().equals(told[told["id"] != 7].reset_index(drop=True))
    with Study.open(path) as study, pytest.raises(StudyError, match="damaged: the row of experiment 7"):
        study.rows()
    path.write_bytes(whole)
    assert StudyCheck.of(path).whole


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("UPDATE batches SET told = told - 1", "counts .39, 1. told and given up; it has .40, 1."),
        ("UPDATE batches SET handed = handed + 1", "46 experiments were handed out, and 45 are accounted for"),
        ("UPDATE tallies SET checksum = checksum + 1", "the counts of batch 0"),
        ("UPDATE batches SET closed = 1", "batch 1 is closed, and not all of it was handed out"),
        ("DROP INDEX open_by_place", "its tables are not those of a study"),
        ("DELETE FROM results WHERE id = 3", "it has .39, 1."),
        ("DELETE FROM batches", "45 rows name a batch that is missing"),
        ("UPDATE settings SET value = replace(value, 'funnel', 'tunnel')", "1 settings cannot be read or do not match"),
    ],
)
def test_a_file_that_contradicts_itself_is_noticed(path, order, message):
    connection = sqlite3.connect(path)
    connection.execute(order)
    connection.commit()
    connection.close()
    found = StudyCheck.of(path)
    assert any(re.search(message, text) for text in found.damages), found.damages


def test_a_file_whose_only_row_was_left_out_later_is_whole(tmp_path):
    path = tmp_path / "a.study"
    with Study.create(path, funnel(), 20, "uniform", rng=1) as study:
        todo = study.ask()
        told = outcomes(study.problem, todo[todo["ad"].notna()].iloc[:1])
        study.tell(told)
        study.tell(told.assign(ad=0), amend=True, on_mismatch="exclude")
        assert study.status().excluded == 1
    assert StudyCheck.of(path).whole


@pytest.mark.parametrize("make", ["nothing", "text", "other database", "newer"])
def test_what_is_no_study_of_this_version_is_left_alone(path, make):
    message = {
        "nothing": "is empty",
        "text": "does not begin like an SQLite database",
        "other database": "is an SQLite database, but no study",
        "newer": "was written by a newer version .tables of version 99",
    }[make]
    if make == "newer":
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
    elif make == "other database":
        path.unlink()
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE diary (day TEXT)")
        connection.commit()
        connection.close()
    else:
        path.write_bytes(b"" if make == "nothing" else b"dear diary, " * 20)
    before, beside = path.read_bytes(), sorted(path.parent.iterdir())
    for use in (Study.open, StudyCheck.of):
        with pytest.raises(StudyError, match=message):
            use(path)
    with pytest.raises(StudyError, match="a study is never overwritten"):
        Study.create(path, funnel(), 20, "uniform")
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == beside


def test_a_study_in_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises((StudyError, OSError), match="nowhere"):
        Study.create(tmp_path / "nowhere" / "a.study", funnel(), 20, "uniform")
