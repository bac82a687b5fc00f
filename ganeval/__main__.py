"""``python -m ganeval`` is the command ``ganeval``."""

from ganeval.cli.app import main

if __name__ == "__main__":
    main()
