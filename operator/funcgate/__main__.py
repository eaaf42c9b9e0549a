"""`python -m funcgate` is the command line."""

from funcgate.cli import main

if __name__ == "__main__":
    main()
