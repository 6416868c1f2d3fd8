"""What to do about each reason of a refusal, as a sentence."""

from typing import Final

_CHECK_THE_ID: Final = (
    "Check the id, and that the credential is of the account or the app that it belongs to."
)
_WAIT: Final = "Wait for as long as the error says, then try again."
_TRY_AGAIN: Final = "Try again after as long as the error says."

# By the names of ErrorReason without their prefix.
REASONS: Final = {
    "CREDENTIAL_MISSING": "Make the client with a credential.",
    "CREDENTIAL_INVALID": "Get a new credential, and make a client with it.",
    "SESSION_INACTIVE": "Make a client with a client secret that is live.",
    "SIGN_IN_FAILED": "Check the e-mail and the password.",
    "CLIENT_CREDENTIALS_INVALID": (
        "Compare the client id and the client secret with App Settings, API Secrets."
    ),
    "SETUP_TOKEN_INVALID": "Ask an operator for a new setup token.",
    "CALLER_NOT_ALLOWED": (
        "Use a credential that the method takes; another service's table may not hold the method."
    ),
    "SCOPE_MISSING": "Ask for the scope when the session opens; its client secret must grant it.",
    "ACCOUNT_TOKEN_REQUIRED": "Use a client that signs in with the account's password.",
    "PASSWORD_WRONG": "Check the password: the fifth wrong one ends the account token.",
    "CLIENT_ADDRESS_NOT_ALLOWED": (
        "Call from an address in the secret's allowed_cidrs, or change those with secrets.update."
    ),
    "ACCOUNT_SUSPENDED": "Ask an operator to reinstate the account.",
    "ACCOUNT_NOT_FOUND": _CHECK_THE_ID,
    "APP_NOT_FOUND": _CHECK_THE_ID,
    "SECRET_NOT_FOUND": _CHECK_THE_ID,
    "SESSION_NOT_FOUND": _CHECK_THE_ID,
    "SERVICE_KEY_NOT_FOUND": "Look for its id with service_keys.list.",
    "SETTINGS_VERSION_NOT_FOUND": "Look for the versions with settings.list_versions.",
    "LINK_TOKEN_NOT_FOUND": _CHECK_THE_ID,
    "LINK_NOT_FOUND": _CHECK_THE_ID,
    "BANK_NOT_FOUND": "Search for its id with banks.list.",
    "ENDPOINT_NOT_FOUND": _CHECK_THE_ID,
    "EVENT_NOT_FOUND": f"Events are kept for 30 days. {_CHECK_THE_ID}",
    "DELIVERY_NOT_FOUND": _CHECK_THE_ID,
    "ACCOUNT_ALREADY_EXISTS": "Use that account; accounts.reset_password gives a new setup token.",
    "SECRET_ALREADY_EXISTS": "If its plaintext is lost, revoke that secret and make another.",
    "SERVICE_KEY_ALREADY_EXISTS": "If it is lost, revoke that service key and make another.",
    "ENDPOINT_ALREADY_EXISTS": (
        "If its signing secret is lost, rotate it with endpoints.rotate_signing_secret."
    ),
    "SECRET_LIMIT_REACHED": "Revoke a secret first, or rotate one with an overlap of 0.",
    "APP_LIMIT_REACHED": "Delete an app first.",
    "REDIRECT_LIMIT_REACHED": "Remove a redirect first.",
    "ENDPOINT_LIMIT_REACHED": "Delete an endpoint first.",
    "SECRET_NOT_ACTIVE": "Use a secret whose state is ACTIVE.",
    "ENDPOINT_DISABLED": "Enable it first: endpoints.update with `disabled` false.",
    "LINK_AUTH_TOKEN_REQUIRED": "Open Link with an auth token, made with link_tokens.create.",
    "LINK_TOKEN_INVALID": "Make a new auth token with link_tokens.create.",
    "LINK_TOKEN_EXPIRED": "Make a new auth token with link_tokens.create.",
    "LINK_TOKEN_USED_UP": "Make a new auth token with link_tokens.create.",
    "LINK_TOKEN_REVOKED": "Make a new auth token with link_tokens.create.",
    "LINK_REDIRECT_UNKNOWN": "Use the id of a redirect in the app's settings.",
    "LINK_BANK_NOT_AVAILABLE": "Name another bank, or none; links.explain tells why.",
    "LINK_PARAMETER_INVALID": "Correct the parameter; links.explain shows every check.",
    "LINK_ENDED": "Open a new Link.",
    "FIELD_INVALID": "Correct the fields that the error names.",
    "REQUEST_UNREADABLE": "Update this client to the version of the service.",
    "REQUEST_ID_REUSED": "Use a new UUID for each request, or leave request_id to the client.",
    "PAGE_TOKEN_INVALID": "Start again from the first page.",
    "ETAG_MISMATCH": "Read it again, apply the change to what is there now, and repeat.",
    "OUTCOME_UNKNOWN": "Read what is there before you repeat: it may have happened.",
    "RATE_LIMITED": _WAIT,
    "HASH_QUEUE_FULL": _WAIT,
    "OVERLOADED": _WAIT,
    "CURSOR_TOO_OLD": "Begin anew, without a cursor.",
    "DATABASE_UNAVAILABLE": _TRY_AGAIN,
    "DATABASE_BUSY": _TRY_AGAIN,
    "SHUTTING_DOWN": _TRY_AGAIN,
    "INTERNAL": "Quote the call id to whoever runs the service.",
    "METHOD_UNKNOWN": "The server is older than this client: update it.",
    "DEADLINE_PASSED": "Try again with a longer time-out: nothing was done.",
    # Of SessionVerifier's interceptors.
    "VERIFIER_UNAVAILABLE": _TRY_AGAIN,
}

# What the service did not answer itself, by status code.
_CODES: Final = {
    "UNAVAILABLE": "Check the target, whether it speaks TLS, and whether a server runs there.",
    "DEADLINE_EXCEEDED": (
        "Try again, or give it a longer time-out: what was asked for may have happened."
    ),
    "UNIMPLEMENTED": "Check that the target is a Finlink Config server, no older than this client.",
}


def of(reason: str, code: str) -> str:
    """Give the sentence for a reason, or if the answer has none, for its status code."""
    return REASONS.get(reason, "") if reason else _CODES.get(code, "")
