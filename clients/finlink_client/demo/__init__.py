"""`finlink demo`: the service's whole story, played against a running server.

`story` and `leak` tell it, top to bottom, with the people of `cast`; `stage`
plays one step and checks the answer; `screen` shows it to people and programs.
"""
