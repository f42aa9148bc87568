"""Files that hold a problem: graph JSON (read and written) and BIF (read)."""
