"""The shape of requests: one table, field → rule.

Every field that a request can hold is in it, by message and field name or, where
a name means the same everywhere, by field name alone. The same limits stand in
the comments of the protos.
"""

from typing import Any, Final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from finlink_server import credentials, rules
from finlink_server.domain import banks, document, languages, link_parameters
from finlink_server.domain.caller import SCOPES
from finlink_server.rules import Inside, Many, anything

_id = rules.identifier
_optional = rules.optional
_scopes = Many(len(SCOPES), rules.one_of(*SCOPES))
_cidrs = Many(20, rules.cidr)
_countries = Many(
    link_parameters.MOST_COUNTRIES,
    lambda code: "" if languages.is_country(code) else languages.COUNTRY_EXPECTED,
)
_language = rules.token(35)
_color = rules.matching("#[0-9A-Fa-f]{6}", "must be a colour such as #1a2b3c")
_DAY: Final = 24 * 3600
_WORD: Final = r"[a-z][a-z0-9_]*"
_event_types = Many(
    50,
    rules.matching(
        rf"(?=.{{1,100}}$){_WORD}(\.{_WORD})*\.({_WORD}|\*)",
        "must be a type such as secret.revoked, or a group such as connection.*",
    ),
)
_event_id = rules.matching(
    r"[A-Za-z0-9._:-]{1,100}", "must be 1 to 100 letters, digits, dots, underscores, `:` or `-`"
)


def _bank_id(value: str) -> str:
    return "" if banks.is_id(value) else banks.ID_EXPECTED


# Names that mean the same in every message.
COMMON: Final[dict[str, Any]] = {
    "account_id": _id("acc"),
    "app_id": _id("app"),
    "secret_id": _id("sec"),
    "service_key_id": _id("key"),
    "link_token_id": _id("ltk"),
    "link_id": _id("lnk"),
    "endpoint_id": _id("whe"),
    "delivery_id": _id("dlv"),
    "bank_id": _bank_id,
    "request_id": _optional(rules.request_id),
    "page_size": rules.number(0),
    "page_token": _optional(rules.token(1024)),
    "password": rules.password,
    "new_password": rules.password,
    "display_name": rules.name,
    "comment": rules.line(0, 500),
    "etag": rules.token(64),
    "validate_only": anything,
    "show_inactive": anything,
}

# Output-only fields of resources that a request sends back.
_OUTPUT: Final = {
    "App": "account_id public_name environment create_time update_time delete_time",
    "Secret": "app_id hint state scopes create_time expire_time revoke_time last_use_time"
    " end_reason replaced_by",
    "Settings": "version update_time webhook_endpoints",
    "BankSettings": "missing_bank_ids",
    "Endpoint": "app_id disabled_reason disable_time failing_since_time create_time update_time"
    " signing_secrets",
    "SigningSecret": "hint create_time expire_time",
}

SPECIFIC: Final[dict[str, Any]] = {
    "SignInRequest.email": rules.email,
    "SetPasswordRequest.setup_token": rules.matching(
        "fst_[0-9A-Za-z]{38}", "must be a setup token: `fst_` and 38 letters and digits"
    ),
    "ChangePasswordRequest.current_password": rules.password,
    "GetAccountRequest.account_id": _optional(_id("acc")),
    "CreateAppRequest.public_name": rules.name,
    "ListAppsRequest.account_id": _optional(_id("acc")),
    "UpdateAppRequest.app": Inside(),
    "UpdateAppRequest.update_mask": rules.mask("display_name", "*"),
    "App.id": _id("app"),
    "App.display_name": _optional(rules.name),
    "ListAuditEventsRequest.app_id": _optional(_id("app")),
    "ListAuditEventsRequest.account_id": _optional(_id("acc")),
    "ListAuditEventsRequest.types": Many(
        50, rules.matching(r"[a-z_]{1,50}\.[a-z_]{1,50}", "must be a type such as secret.revoked")
    ),
    "ListAuditEventsRequest.actor_id": rules.token(100),
    "ListAuditEventsRequest.target_id": rules.token(100),
    "ListAuditEventsRequest.call_id": rules.token(100),
    "ListAuditEventsRequest.start_time": rules.timestamp,
    "ListAuditEventsRequest.end_time": rules.timestamp,
    "VerifyAuditLogRequest.account_id": _optional(_id("acc")),
    "VerifyAuditLogRequest.known_row_count": rules.number(0),
    "VerifyAuditLogRequest.known_head": _optional(
        rules.matching("[0-9a-f]{64}", "must be 64 hexadecimal digits")
    ),
    "CreateSecretRequest.scopes": _scopes,
    "CreateSecretRequest.expire_time": rules.timestamp,
    "CreateSecretRequest.allowed_cidrs": _cidrs,
    "UpdateSecretRequest.secret": Inside(),
    "UpdateSecretRequest.update_mask": rules.mask("display_name", "allowed_cidrs", "*"),
    "Secret.id": _id("sec"),
    "Secret.display_name": _optional(rules.name),
    "Secret.allowed_cidrs": _cidrs,
    "RotateSecretRequest.overlap": rules.duration(0, 7 * _DAY),
    "RotateSecretRequest.display_name": _optional(rules.name),
    "StartSessionRequest.client_id": _id("app"),
    "StartSessionRequest.client_secret": credentials.client_secret_problem,
    "StartSessionRequest.scopes": _scopes,
    # A bad token is an answer of ValidateSession, however bad it is.
    "ValidateSessionRequest.access_token": anything,
    "ValidateSessionRequest.required_scopes": _scopes,
    "BatchValidateSessionsRequest.access_tokens": Many(100, anything, least=1, once=False),
    "BatchValidateSessionsRequest.required_scopes": _scopes,
    "WatchRevocationsRequest.cursor": _optional(rules.token(64)),
    "WatchSettingsRequest.app_ids": Many(100, _id("app")),
    "WatchSettingsRequest.cursor": _optional(rules.token(64)),
    "RotateSigningKeyRequest.revoke_previous": anything,
    "GetSessionRequest.session_id": _optional(_id("ses")),
    "ListSessionsRequest.active_only": anything,
    "RevokeSessionRequest.session_id": _id("ses"),
    "GetSettingsRequest.app_id": _optional(_id("app")),
    "GetSettingsRequest.version": rules.number(0),
    "UpdateSettingsRequest.settings": Inside(),
    "UpdateSettingsRequest.update_mask": rules.mask(
        "*", "link", "banks", "link.appearance", *document.PATHS
    ),
    "Settings.app_id": _optional(_id("app")),
    "Settings.link": Inside(required=False),
    "Settings.banks": Inside(required=False),
    "LinkSettings.force_auth_token": anything,
    # More are refused too, with a reason of their own: REDIRECT_LIMIT_REACHED.
    "LinkSettings.redirects": Inside(most=100),
    "LinkSettings.languages": Many(30, _language),
    "LinkSettings.default_language": _language,
    "LinkSettings.appearance": Inside(required=False),
    "LinkSettings.texts": Inside(most=30),
    "LinkSettings.terms_uri": rules.line(0, 2048),
    "LinkSettings.privacy_uri": rules.line(0, 2048),
    "Appearance.light": Inside(required=False),
    "Appearance.dark": Inside(required=False),
    "Appearance.logo_uri": rules.line(0, 2048),
    "ThemeColors.primary": _color,
    "ThemeColors.background": _color,
    "ThemeColors.text": _color,
    "LinkTexts.language": _language,
    "LinkTexts.title": rules.line(0, 60),
    "LinkTexts.description": rules.line(0, 200),
    "LinkTexts.button": rules.line(0, 30),
    "LinkTexts.success": rules.line(0, 200),
    "BankSettings.bank_ids": Many(1000, _bank_id),
    "BankSettings.pinned_bank_ids": Many(50, _bank_id),
    "BankSettings.country_codes": _countries,
    "ListSettingsVersionsRequest.app_id": _optional(_id("app")),
    "RollbackSettingsRequest.version": rules.number(1),
    "ListBanksRequest.query": rules.search,
    "ListBanksRequest.country_codes": _countries,
    "ListAppBanksRequest.app_id": _optional(_id("app")),
    "ListLinkTokensRequest.app_id": _optional(_id("app")),
    "ListLinksRequest.app_id": _optional(_id("app")),
    "ListLinkBanksRequest.query": rules.search,
    "ExplainLinkRequest.query": rules.token(8192),
    "ExplainLinkRequest.bank_id": _optional(_bank_id),
    "Redirect.id": _optional(_id("rdr")),
    "Redirect.uri": rules.line(1, 2048),
    "CreateLinkTokenRequest.app_id": _optional(_id("app")),
    "CreateLinkTokenRequest.parameters": Inside(),
    "CreateLinkTokenRequest.ttl": rules.duration(60, _DAY),
    "CreateLinkTokenRequest.max_opens": rules.number(0, 100),
    "LinkParameters.redirect_id": _id("rdr"),
    "LinkParameters.external_id": rules.line(0, link_parameters.LONGEST_EXTERNAL_ID),
    "LinkParameters.bank_id": _optional(_bank_id),
    "LinkParameters.bank_ids": Many(100, _bank_id),
    "LinkParameters.language": _language,
    "LinkParameters.country_codes": _countries,
    "LinkParameters.update_token": rules.token(link_parameters.LONGEST_CONNECTION_TOKEN),
    "LinkParameters.restore_token": rules.token(link_parameters.LONGEST_CONNECTION_TOKEN),
    "LinkParameters.desired_owners": Many(10, rules.name),
    "OpenLinkRequest.query": rules.token(8192),
    "ReportLeakedSecretRequest.client_secret": credentials.client_secret_problem,
    "CreateEndpointRequest.app_id": _optional(_id("app")),
    "CreateEndpointRequest.uri": rules.line(1, 2048),
    "CreateEndpointRequest.event_types": _event_types,
    "CreateEndpointRequest.display_name": rules.line(0, 100),
    "ListEndpointsRequest.app_id": _optional(_id("app")),
    "UpdateEndpointRequest.endpoint": Inside(),
    "UpdateEndpointRequest.update_mask": rules.mask(
        "uri", "event_types", "display_name", "disabled", "*"
    ),
    "Endpoint.id": _id("whe"),
    "Endpoint.uri": rules.line(0, 2048),
    "Endpoint.event_types": _event_types,
    "Endpoint.display_name": rules.line(0, 100),
    "Endpoint.disabled": anything,
    "RotateSigningSecretRequest.overlap": rules.duration(0, 7 * _DAY),
    "PublishEventRequest.event_id": _event_id,
    "PublishEventRequest.type": rules.matching(
        rf"(?=.{{1,100}}$){_WORD}(\.{_WORD})+",
        "must be two or more lower-case words joined by dots, such as connection.ready",
    ),
    "PublishEventRequest.payload_json": anything,  # judged with the words of a JSON parser
    "ListEventsRequest.app_id": _optional(_id("app")),
    "ListEventsRequest.types": _event_types,
    "ListEventsRequest.start_time": rules.timestamp,
    "ListEventsRequest.end_time": rules.timestamp,
    "ListDeliveriesRequest.app_id": _optional(_id("app")),
    "ListDeliveriesRequest.endpoint_id": _optional(_id("whe")),
    "ListDeliveriesRequest.event_id": _optional(_event_id),
    "RedeliverEventsRequest.event_id": _optional(_event_id),
    "RedeliverEventsRequest.start_time": rules.timestamp,
    "RedeliverEventsRequest.end_time": rules.timestamp,
    "CreateAccountRequest.email": rules.email,
    "ListAccountsRequest.email": _optional(rules.email),
    "CreateServiceKeyRequest.event_prefixes": Many(
        20,
        rules.matching(
            r"(?=.{1,100}$)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.",
            "must be lower-case words joined and ended by dots, such as connection.",
        ),
    ),
    "CreateServiceKeyRequest.roles": Many(4, anything, least=1),
    **{
        f"{message}.{field}": anything
        for message, fields in _OUTPUT.items()
        for field in fields.split()
    },
}

# Enum fields of which "unspecified" is an acceptable value.
_MAY_BE_UNSPECIFIED: Final = {
    "LinkParameters.product",
    "LinkParameters.subproduct",
    "LinkParameters.theme",
    "BankSettings.mode",
    "ListAppBanksRequest.product",
    "ListLinkTokensRequest.state",
    "ListDeliveriesRequest.state",
}


def rule_of(field: FieldDescriptor) -> Any:  # noqa: ANN401 - a Rule, Many or Inside
    """Find a field's rule; None if it has none, which a test does not allow."""
    name = f"{field.full_name.split('.')[-2]}.{field.name}"
    if name in SPECIFIC:
        return SPECIFIC[name]
    if field.enum_type is not None:
        return enum_rule(field.enum_type, name)
    return COMMON.get(field.name)


def enum_rule(kind: EnumDescriptor, name: str) -> rules.Rule:
    """Make the rule of an enum field: one of the numbers that the protos know."""
    known = {value.number: value.name for value in kind.values}
    if name not in _MAY_BE_UNSPECIFIED:
        del known[0]
    expected = f"must be one of {', '.join(known.values())}"
    return lambda value: "" if value in known else expected


def password_fields(message: Any) -> list[str]:  # noqa: ANN401 - a message's descriptor
    """The fields of a request that hold a password: never remembered, hashed in a pool apart."""
    return [field.name for field in message.fields if rule_of(field) is rules.password]
