"""An app's settings and webhook endpoints as a file.

`writer` makes the file, `reader` reads it, `plans` says what it would change, `changes` makes
that so. `fields` knows what stands in a file, `screen` shows a plan.
"""
