"""Types of rows of the journal, and of events, of which the model knows every one."""

# Everything but what the server writes by itself, at times of its own.
ROWS = [
    "account.created",
    "account.password_changed",
    "account.password_reset",
    "account.password_set",
    "account.reinstated",
    "account.signed_in",
    "account.signed_out",
    "account.suspended",
    "account.token_ended",
    "app.created",
    "app.deleted",
    "app.updated",
    "endpoint.created",
    "endpoint.deleted",
    "endpoint.redelivered",
    "endpoint.signing_secret_rotated",
    "endpoint.updated",
    "event.published",
    "link.opened",
    "link.refused",
    "link_token.created",
    "link_token.revoked",
    "password.refused",
    "secret.created",
    "secret.leaked",
    "secret.revoked",
    "secret.rotated",
    "secret.updated",
    "session.ended",
    "session.refused",
    "session.revoked",
    "session.started",
    "settings.updated",
    "sign_in.refused",
    "webhook.test",
]
# What is nobody's account's.
PLATFORM_ROWS = [
    "bank.status_changed",
    "service_key.created",
    "service_key.revoked",
    "signing_key.created",
    "signing_key.revoked",
]
EVENT_TYPES = ["connection.*", "transfer.*", "link.*", "session.*", "settings.*", "webhook.*"]
EVENT_TYPES += ["endpoint.*", "secret.created", "secret.leaked", "secret.revoked", "secret.rotated"]
