"""Files: limited reading, and writing all or nothing."""

import io
import os
import stat

import pytest

from causalbandit.errors import InvalidType
from causalbandit.files import check_output, read_input, write_output


def test_a_path_and_an_open_file_give_the_same_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("né\r\n".encode())
    assert read_input(path, 10) == (str(path), "né\r\n".encode())
    assert read_input(str(path), 5)[1] == path.read_bytes()
    assert read_input(io.BytesIO(b"abc"), 3) == ("the file", b"abc")
    assert read_input(io.StringIO("né"), 10)[1] == "né".encode()
    with path.open("rb") as file:
        assert read_input(file, 10)[0] == str(path)


def test_a_file_that_is_too_large_missing_or_none_is_refused(tmp_path):
    path = tmp_path / "asia.json"
    path.write_bytes(b"12345")
    with pytest.raises(ValueError, match=r"asia\.json: the file has 5 bytes; expected at most 4.*max_bytes"):
        read_input(path, 4)
    with pytest.raises(ValueError, match="more than 2 bytes"):
        read_input(io.BytesIO(b"123"), 2)
    with pytest.raises(FileNotFoundError, match=r"There is no file '.*aisa\.json'\. Did you mean 'asia\.json'"):
        read_input(tmp_path / "aisa.json", 4)
    with pytest.raises(IsADirectoryError, match="expected a file"):
        read_input(tmp_path, 4)
    with pytest.raises(InvalidType, match=r"path_or_file was a int; expected a path or an open file"):
        read_input(3, 4)


def test_text_and_bytes_are_written_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_output(path, "né\n")
    assert path.read_bytes() == "né\n".encode()
    write_output(str(path), b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_new_file_obeys_the_umask_and_an_old_one_keeps_its_mode(tmp_path):
    path = tmp_path / "a.txt"
    before = os.umask(0o027)
    try:
        write_output(path, "new")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_output(path, "again")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link.txt"
    path.write_text("old")
    link.symlink_to(path)
    write_output(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"


@pytest.mark.parametrize("name", ["a.txt", "й" * 120])
def test_a_failure_leaves_the_old_file_alone(tmp_path, monkeypatch, name):
    path = tmp_path / name
    write_output(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as broken:
            broken.setattr(os, step, full)
            with pytest.raises(OSError, match="No space left"):
                write_output(path, "new")
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == [name]


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="create it first"):
        check_output(tmp_path / "none" / "a.txt")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        check_output(tmp_path)
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        check_output(tmp_path / "file" / "a.txt")
    assert check_output(tmp_path / "new.txt") == tmp_path / "new.txt"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(PermissionError, match="No permission"):
        check_output(tmp_path / "locked" / "a.txt")


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="a system without devices")
def test_a_device_is_written_to_and_not_replaced():
    write_output("/dev/null", "gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
