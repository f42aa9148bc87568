"""Tables of rows that a command reads: nothing is read as something else."""

from cases import together
from conftest import ROOT, command_line

GRAPH = ROOT / "graphs" / "bow.json"


@together(
    ("text", "said"),
    [
        ("x,y\n1,1,0\n0,0,1\n", "more fields than the header"),  # read by position, x would be what y is
        ("x,y\n1,1\n0,0,1\n", "line 3"),
        ("x,y,x\n1,1,0\n", "the header names 'x' more than once"),
        ("", "is an empty file"),
    ],
)
def test_a_file_whose_columns_are_not_clear_is_refused(text, said, tmp_path):
    (tmp_path / "rows.csv").write_text(text)
    done = command_line("fit", GRAPH, tmp_path / "rows.csv")
    assert done.exit_code == 2
    assert said in done.stderr
    assert "rows.csv" in done.stderr
