"""What arguments of the client may be, in plain Python.

Made by protos/generate.py: do not edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, TypedDict

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from finlink.config import v1

Time: TypeAlias = datetime | Timestamp  # a datetime with a time zone
Span: TypeAlias = timedelta | Duration
Paths: TypeAlias = Sequence[str] | FieldMask

BankListModeName: TypeAlias = Literal["ALL", "ONLY", "EXCEPT"]
BankStatusName: TypeAlias = Literal["OPERATIONAL", "DEGRADED", "DOWN"]
DeliveryStateName: TypeAlias = Literal["PENDING", "SENDING", "DELIVERED", "EXHAUSTED", "CANCELLED"]
EnvironmentName: TypeAlias = Literal["SANDBOX", "LIVE"]
LinkTokenStateName: TypeAlias = Literal["ACTIVE", "USED_UP", "EXPIRED", "REVOKED"]
ProductName: TypeAlias = Literal["TRANSACTIONS", "INVESTMENTS", "ASSETS_TRANSFER"]
RoleName: TypeAlias = Literal["OPERATOR", "VERIFIER", "LINK", "PUBLISHER"]
SubproductName: TypeAlias = Literal["FUND", "PENSION_PLAN"]
ThemeName: TypeAlias = Literal["LIGHT", "DARK"]
TokenKindName: TypeAlias = Literal["ACCOUNT", "SESSION", "LINK"]


class AppDict(TypedDict, total=False):
    """App, as a mapping."""

    id: str
    """`app_…`. It is also the app's OAuth client_id. Given by the server; in
    UpdateApp it names the app.
    """
    display_name: str
    """The name that the customer's own people see. 1 to 100 characters, without
    control, bidirectional or zero-width characters, not beginning or ending
    with a space. Can change.
    """
    etag: str
    """Changes whenever the app changes. Sent back in UpdateApp, it makes the
    change conditional; empty means unconditional. At most 64 characters.
    """


class AppearanceDict(TypedDict, total=False):
    """Appearance, as a mapping."""

    light: ThemeColorsDict | v1.ThemeColors
    """Colours of the light theme; unset: the widget's own."""
    dark: ThemeColorsDict | v1.ThemeColors
    """Colours of the dark theme; unset: the widget's own."""
    logo_uri: str
    """The app's logo: `https`, as Redirect.uri otherwise; may be empty."""


class BankSettingsDict(TypedDict, total=False):
    """BankSettings, as a mapping."""

    mode: BankListModeName | int
    """Which, before countries are looked at."""
    bank_ids: Sequence[str]
    """For ONLY and EXCEPT: ids of the catalogue, as LinkParameters.bank_id. At
    most 1,000, each once.
    """
    pinned_bank_ids: Sequence[str]
    """Shown first, in this order; each must be one that is shown, as
    LinkParameters.bank_id. At most 50, each once.
    """
    country_codes: Sequence[str]
    """Banks of these countries only, as ISO 3166-1 alpha-2 codes in capitals;
    empty: of all. At most 50, each once.
    """


class EndpointDict(TypedDict, total=False):
    """Endpoint, as a mapping."""

    id: str
    """`whe_…`. Given by the server; in UpdateEndpoint it names the endpoint."""
    uri: str
    """An absolute `https` URI of at most 2,048 ASCII characters, without
    fragment, user info or wildcard. `http` only to addresses that the operator
    opened to webhooks.
    """
    event_types: Sequence[str]
    """What it wants: types such as `secret.revoked`, or all of a group such as
    `connection.*`; empty: everything. At most 50, each once.
    """
    display_name: str
    """What it is for, for people; at most 100 characters, as App.display_name.
    May be empty.
    """
    disabled: bool
    """Whether nothing is sent to it. Set it to pause the endpoint, clear it to
    enable it again.
    """
    etag: str
    """Changes with what a caller can change. Sent back in UpdateEndpoint, it
    makes the change conditional; empty means unconditional. At most 64
    characters.
    """


class LinkParametersDict(TypedDict, total=False):
    """LinkParameters, as a mapping."""

    redirect_id: str
    """Where Link returns to, `rdr_…` [`id`]. Required."""
    product: ProductName | int
    """What for [`product`]. Required unless update_token or restore_token is set."""
    subproduct: SubproductName | int
    """What kind of assets [`subproduct`]. Required with ASSETS_TRANSFER, refused
    with everything else.
    """
    external_id: str
    """The customer's own reference [`external_id`]: at most 128 characters,
    without control, bidirectional or zero-width characters.
    """
    bank_id: str
    """The bank to begin with, so that the end user need not pick one [`entity`]:
    one that the widget shows, such as `es-bbva`. 4 to 64 characters: two
    letters, and words of lower-case letters and digits, joined by hyphens.
    """
    theme: ThemeName | int
    """How it looks [`theme`]."""
    language: str
    """In which language [`language`]: a BCP 47 tag such as `es` or `pt-BR`, at
    most 35 characters.
    """
    country_codes: Sequence[str]
    """Banks of these countries only [`country_codes`, separated by commas]: ISO
    3166-1 alpha-2 codes in capitals. At most 50, each once.
    """
    update_token: str
    """The existing connection to update [`update_token`]: opaque to this service,
    at most 512 printable ASCII characters without a space. Not together with
    restore_token.
    """
    restore_token: str
    """The existing connection to restore [`restore_token`]: as update_token."""
    desired_owners: Sequence[str]
    """With an auth token only: the persons who must own the assets. For
    ASSETS_TRANSFER; at most 10, each once, of 1 to 100 characters each, as
    App.display_name.
    """
    bank_ids: Sequence[str]
    """With an auth token only: show these banks and no others. Narrows what the
    app's settings show, never widens it: a bank that the settings hide later
    is left out, and a Link with none of them left is refused, unless it updates
    or restores a connection, for which nobody picks a bank. At most 100, each
    once, as bank_id.
    """


class LinkSettingsDict(TypedDict, total=False):
    """LinkSettings, as a mapping."""

    force_auth_token: bool
    """Whether Link opens with a valid auth token only, updates and restores of
    connections included. Off for a new app.
    """
    redirects: Sequence[RedirectDict | v1.Redirect]
    """Where Link may return to. At most 5; their order is kept. More than 100
    are refused as FIELD_INVALID.
    """
    languages: Sequence[str]
    """The languages that the widget offers, as BCP 47 tags of at most 35
    characters such as `es` or `pt-BR`; empty: all that it has. At most 30,
    each once.
    """
    default_language: str
    """The language for end users who ask for none that is offered; one of
    `languages`, or any where those are empty, of at most 35 characters.
    Empty: the first of `languages`.
    """
    appearance: AppearanceDict | v1.Appearance
    """How the widget looks."""
    texts: Sequence[LinkTextsDict | v1.LinkTexts]
    """The widget's texts where they differ from its own. At most 30, one for
    each language.
    """
    terms_uri: str
    """The app's terms of service: `https`, as Redirect.uri otherwise; may be
    empty.
    """
    privacy_uri: str
    """The app's privacy policy; as terms_uri."""


class LinkTextsDict(TypedDict, total=False):
    """LinkTexts, as a mapping."""

    language: str
    """A BCP 47 tag of at most 35 characters."""
    title: str
    """Headline of the first screen. At most 60 characters."""
    description: str
    """Below it. At most 200 characters."""
    button: str
    """On the button that goes on. At most 30 characters."""
    success: str
    """On the last screen. At most 200 characters."""


class RedirectDict(TypedDict, total=False):
    """Redirect, as a mapping."""

    id: str
    """`rdr_…`: the `id` parameter of a Link URL. Given by the server and kept as
    long as the entry lives: send it back to keep or edit an entry, leave it
    empty to make one.
    """
    display_name: str
    """What it is for, for people; 1 to 100 characters, as App.display_name."""
    uri: str
    """An absolute URI of at most 2,048 ASCII characters: `https`, or for a
    SANDBOX app `http` on localhost, 127.0.0.1 or [::1]. No fragment, user
    info or wildcard; a host with other letters in its Punycode form.
    """


class SecretDict(TypedDict, total=False):
    """Secret, as a mapping."""

    id: str
    """`sec_…`. Given by the server; in UpdateSecret it names the secret."""
    display_name: str
    """What it is for, for people. 1 to 100 characters, as App.display_name."""
    allowed_cidrs: Sequence[str]
    """Client addresses that may use it, as CIDR blocks with their length and
    without host bits, in their usual form (`203.0.113.0/24`,
    `2001:db8::/32`); empty: any. At most 20, each once. Checked when a
    session is opened and when a session token calls this service.
    """
    etag: str
    """Changes with display_name and allowed_cidrs. Sent back in UpdateSecret, it
    makes the change conditional; empty means unconditional. At most 64
    characters.
    """


class SettingsDict(TypedDict, total=False):
    """Settings, as a mapping."""

    app_id: str
    """`app_…`."""
    etag: str
    """Names this very version. Sent back in UpdateSettings, it makes the change
    conditional; empty means unconditional. At most 64 characters.
    """
    link: LinkSettingsDict | v1.LinkSettings
    """How Link behaves for the app."""
    banks: BankSettingsDict | v1.BankSettings
    """Which banks the widget shows."""


class ThemeColorsDict(TypedDict, total=False):
    """ThemeColors, as a mapping."""

    primary: str
    """Buttons and links."""
    background: str
    """What everything stands on."""
    text: str
    """Text."""
