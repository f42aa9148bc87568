"""``python -m causalbandit``: the command line."""

from causalbandit.cli import main

if __name__ == "__main__":
    main(prog_name="python -m causalbandit")
