"""`python -m hadr` is `hadr`."""

from hadr.cli import main

if __name__ == "__main__":
    main()
