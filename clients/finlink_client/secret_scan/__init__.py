"""Credentials of the service in files: found by format and checksum, without a network.

`formats` knows how they look, `streams` finds them in bytes, `files` walks through folders.
"""
