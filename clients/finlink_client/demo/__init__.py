"""`finlink demo`: the service's whole story, played against a running server.

`story` tells it, top to bottom, with the people of `cast`; `widget`, `instance`,
`versions`, `leak` and `webhooks` are its longer chapters. `stage` plays one step and checks the
answer; `screen` shows it to people and programs.
"""
