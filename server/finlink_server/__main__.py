"""`finlink-server`, and `python -m finlink_server`."""

from finlink_server.commands import main

if __name__ == "__main__":
    main()
