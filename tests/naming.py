"""The fields of requests that name a thing, and how one that does not exist is answered."""

from __future__ import annotations

from typing import Any

from tests import people

PREFIXES = {"account": "acc", "app": "app", "secret": "sec", "session": "ses", "redirect": "rdr"}
PREFIXES |= {"link token": "ltk", "link": "lnk", "call": "call", "service key": "key"}
PREFIXES |= {"endpoint": "whe", "event": "evt", "delivery": "dlv"}

# Every field that names a thing, the kind of thing, and how one that does not exist is
# answered; "" is an answer, without anything in it.
NAMES_A = {
    "AccountService/GetAccount-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AccountService/GetApp-app_id": ("app", "APP_NOT_FOUND"),
    "AccountService/ListApps-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AccountService/UpdateApp-app.id": ("app", "APP_NOT_FOUND"),
    "AccountService/DeleteApp-app_id": ("app", "APP_NOT_FOUND"),
    "AccountService/ListAuditEvents-app_id": ("app", "APP_NOT_FOUND"),
    "AccountService/ListAuditEvents-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AccountService/ListAuditEvents-actor_id": ("session", ""),
    "AccountService/ListAuditEvents-target_id": ("secret", ""),
    "AccountService/ListAuditEvents-call_id": ("call", ""),
    "AccountService/VerifyAuditLog-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AdminService/ResetPassword-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AdminService/SuspendAccount-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AdminService/ReinstateAccount-account_id": ("account", "ACCOUNT_NOT_FOUND"),
    "AdminService/EndSecret-secret_id": ("secret", "SECRET_NOT_FOUND"),
    "AdminService/RevokeServiceKey-service_key_id": ("service key", "SERVICE_KEY_NOT_FOUND"),
    "SecretService/CreateSecret-app_id": ("app", "APP_NOT_FOUND"),
    "SecretService/GetSecret-secret_id": ("secret", "SECRET_NOT_FOUND"),
    "SecretService/ListSecrets-app_id": ("app", "APP_NOT_FOUND"),
    "SecretService/UpdateSecret-secret.id": ("secret", "SECRET_NOT_FOUND"),
    "SecretService/RotateSecret-secret_id": ("secret", "SECRET_NOT_FOUND"),
    "SecretService/RevokeSecret-secret_id": ("secret", "SECRET_NOT_FOUND"),
    "SessionService/StartSession-client_id": ("app", "CLIENT_CREDENTIALS_INVALID"),
    "SessionService/GetSession-session_id": ("session", "SESSION_NOT_FOUND"),
    "SessionService/ListSessions-app_id": ("app", "APP_NOT_FOUND"),
    "SessionService/RevokeSession-session_id": ("session", "SESSION_NOT_FOUND"),
    "LinkService/CreateLinkToken-app_id": ("app", "APP_NOT_FOUND"),
    "LinkService/CreateLinkToken-parameters.redirect_id": ("redirect", "LINK_REDIRECT_UNKNOWN"),
    "LinkService/GetLinkToken-link_token_id": ("link token", "LINK_TOKEN_NOT_FOUND"),
    "LinkService/ListLinkTokens-app_id": ("app", "APP_NOT_FOUND"),
    "LinkService/RevokeLinkToken-link_token_id": ("link token", "LINK_TOKEN_NOT_FOUND"),
    "LinkService/GetLink-link_id": ("link", "LINK_NOT_FOUND"),
    "LinkService/ListLinks-app_id": ("app", "APP_NOT_FOUND"),
    "LinkService/ListLinkBanks-link_id": ("link", "LINK_NOT_FOUND"),
    "SettingsService/GetSettings-app_id": ("app", "APP_NOT_FOUND"),
    "SettingsService/UpdateSettings-settings.app_id": ("app", "APP_NOT_FOUND"),
    "SettingsService/UpdateSettings-settings.link.redirects[0].id": ("redirect", "FIELD_INVALID"),
    "SettingsService/ListSettingsVersions-app_id": ("app", "APP_NOT_FOUND"),
    "SettingsService/RollbackSettings-app_id": ("app", "APP_NOT_FOUND"),
    "SettingsService/WatchSettings-app_ids[0]": ("app", "APP_NOT_FOUND"),
    "SettingsService/ListAppBanks-app_id": ("app", "APP_NOT_FOUND"),
    "WebhookService/CreateEndpoint-app_id": ("app", "APP_NOT_FOUND"),
    "WebhookService/GetEndpoint-endpoint_id": ("endpoint", "ENDPOINT_NOT_FOUND"),
    "WebhookService/ListEndpoints-app_id": ("app", "APP_NOT_FOUND"),
    "WebhookService/UpdateEndpoint-endpoint.id": ("endpoint", "ENDPOINT_NOT_FOUND"),
    "WebhookService/DeleteEndpoint-endpoint_id": ("endpoint", "ENDPOINT_NOT_FOUND"),
    "WebhookService/RotateSigningSecret-endpoint_id": ("endpoint", "ENDPOINT_NOT_FOUND"),
    "WebhookService/SendTestEvent-endpoint_id": ("endpoint", "ENDPOINT_NOT_FOUND"),
    "WebhookService/PublishEvent-app_id": ("app", "APP_NOT_FOUND"),
    "WebhookService/ListEvents-app_id": ("app", "APP_NOT_FOUND"),
    "WebhookService/ListDeliveries-app_id": ("app", "APP_NOT_FOUND"),
    "WebhookService/ListDeliveries-endpoint_id": ("endpoint", "ENDPOINT_NOT_FOUND"),
    "WebhookService/ListDeliveries-event_id": ("event", "EVENT_NOT_FOUND"),
    "WebhookService/GetDelivery-delivery_id": ("delivery", "DELIVERY_NOT_FOUND"),
    "WebhookService/RedeliverEvents-endpoint_id": ("endpoint", "ENDPOINT_NOT_FOUND"),
    "WebhookService/RedeliverEvents-event_id": ("event", "EVENT_NOT_FOUND"),
}
# Ids that callers make up, which name nothing here; and of banks, which are nobody's.
OF_NOBODY = {"request_id", "external_id", "WebhookService/PublishEvent-event_id"}
OF_NOBODY |= {"bank_id", "bank_ids", "pinned_bank_ids"}

# What else a request needs to be good; `{app}` is the caller's own.
BESIDE: dict[str, Any] = {
    "UpdateApp": {"app": {"display_name": "Mine now"}, "update_mask": {"paths": ["*"]}},
    "DeleteApp": {"password": "{password}"},
    "CreateSecret": {"display_name": "Mine"},
    "UpdateSecret": {"secret": {"display_name": "Mine now"}, "update_mask": {"paths": ["*"]}},
    "RotateSecret": {"password": "{password}"},
    "RevokeSecret": {"password": "{password}"},
    "StartSession": {"client_secret": "{plaintext}"},
    "CreateLinkToken": {
        "app_id": "{app}",
        "parameters": {"redirect_id": "{redirect}", "product": 1},
    },
    "RollbackSettings": {"version": 1},
    "UpdateSettings": {
        "settings": {
            "app_id": "{app}",
            "link": {"redirects": [{"display_name": "Mine", "uri": "https://mine.example/"}]},
        },
        "update_mask": {"paths": ["link.redirects"]},
    },
    "CreateEndpoint": {"uri": people.NO_RECEIVER},
    "UpdateEndpoint": {"endpoint": {"disabled": True}, "update_mask": {"paths": ["disabled"]}},
    "PublishEvent": {"event_id": "mine", "type": "connection.ready", "payload_json": "{{}}"},
    "ListDeliveries": {"app_id": "{app}"},
    "RedeliverEvents": {"endpoint_id": "{endpoint}", "event_id": "{event}"},
}
