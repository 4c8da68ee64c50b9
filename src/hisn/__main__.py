"""Run the command line with ``python -m hisn``."""

from hisn.cli.main import main

if __name__ == "__main__":
    main()
