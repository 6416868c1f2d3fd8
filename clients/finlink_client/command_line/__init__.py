"""The command `finlink`: one command per RPC, under the noun that it is about."""
