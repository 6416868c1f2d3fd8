"""The rules, one file per noun: plain functions that take the environment.

Nothing here knows gRPC or protobuf.
"""
