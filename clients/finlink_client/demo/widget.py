"""The demo's chapter in which the customer shapes the widget: banks, languages, colours."""

from finlink.config import v1
from finlink_client.demo.cast import Cast, names, shape

BANK_ID = "es-bbva"
BANK_QUERY = "bílbao VIZCAYA"  # as no registry writes it
COUNTRY = "ES"
CHOICE = 10  # banks to pick from
PICKED = 3
LANGUAGES = ("es", "en")

LIGHT = v1.ThemeColors(primary="#0057b8", background="#ffffff", text="#1a1a1a")
DARK = v1.ThemeColors(primary="#7ab8ff", background="#101418", text="#f2f2f2")
FAINT = v1.ThemeColors(primary="#ffcc00", background="#ffffff", text="#1a1a1a")
FAINT_CONTRAST, CONTRAST_NEEDED = "1.51:1", "4.5:1"

LOOK_PATHS = (
    "banks.mode",
    "banks.bank_ids",
    "banks.pinned_bank_ids",
    "banks.country_codes",
    "link.languages",
    "link.default_language",
    "link.appearance.light",
    "link.appearance.dark",
)


def the_customer_shapes_the_widget(cast: Cast) -> None:
    """What the app's widget shows, and what a session token may change of it."""
    cast.stage.chapter("The customer shapes the widget")
    _find_banks(cast)
    _ask_for_what_cannot_be(cast)
    _shape(cast)
    _change_with_a_session(cast)
    cast.stage.ask(
        cast.customer,
        cast.customer.settings.ListAppBanks,
        # Reaches as far by name as the page that the banks were picked from.
        v1.ListAppBanksRequest(app_id=cast.app.id, page_size=CHOICE + 2),
        asked="what will the widget show?",
        told=lambda _: f"the pinned first, then by name; no {cast.hidden_bank.id}",
        holds=lambda a: {
            "the pinned first, in their order": [b.bank.id for b in a.banks if b.pinned]
            == [b.bank.id for b in a.banks[:2]]
            == [cast.bank.id, cast.second_bank.id],
            "the hidden one hidden": cast.hidden_bank.id not in [b.bank.id for b in a.banks],
            "one country": {b.bank.country_code for b in a.banks} == {COUNTRY},
        },
        rows=lambda a: [
            {"bank": b.bank.id, "pinned": "pinned" if b.pinned else "", "name": b.bank.display_name}
            for b in a.banks[:4]
        ],
    )


def _find_banks(cast: Cast) -> None:
    """Pick banks from the catalogue, and make a token that begins with one of them."""
    found = cast.stage.ask(
        cast.customer,
        cast.customer.settings.ListBanks,
        v1.ListBanksRequest(query=BANK_QUERY, country_codes=[COUNTRY]),
        asked=f"“{BANK_QUERY}”, blind to case and accents",
        told=lambda a: ", ".join(f"{bank.display_name} is {bank.id}" for bank in a.banks),
        holds=lambda a: {BANK_ID: BANK_ID in [bank.id for bank in a.banks]},
    )
    cast.bank = next(bank for bank in found.banks if bank.id == BANK_ID)
    listed = cast.stage.ask(
        cast.customer,
        cast.customer.settings.ListBanks,
        v1.ListBanksRequest(country_codes=[COUNTRY], page_size=CHOICE),
        asked=f"the first {CHOICE} of {COUNTRY}, for three more",
        told=lambda a: names(_others(a)),
        holds=lambda a: {"three more banks": len(_others(a)) == PICKED},
    )
    cast.second_bank, cast.third_bank, cast.hidden_bank = _others(listed)

    request = cast.link_token_request()
    request.parameters.bank_id = cast.hidden_bank.id
    cast.older_token = cast.stage.ask(
        cast.server,
        cast.server.links.CreateLinkToken,
        request,
        asked=f"to begin with {cast.hidden_bank.id}",
        told=lambda a: f"{a.link_token.id}: the widget still shows that bank",
        holds=lambda a: {"good": a.link_token.state == v1.LINK_TOKEN_STATE_ACTIVE},
    ).auth_token


def _others(answer: v1.ListBanksResponse) -> list[v1.Bank]:
    """Three banks that work and offer what the story asks for; which ones is all the same.

    One of them will be DOWN for a moment. Because it is OPERATIONAL before, making it so
    again undoes no operator's word, and no other demo's that runs beside this one.
    """
    return [
        bank
        for bank in answer.banks
        if bank.id != BANK_ID
        and bank.status == v1.BANK_STATUS_OPERATIONAL
        and v1.PRODUCT_TRANSACTIONS in bank.products
    ][:PICKED]


def _ask_for_what_cannot_be(cast: Cast) -> None:
    cast.stage.expect_refusal(
        cast.customer,
        cast.customer.settings.UpdateSettings,
        shape(
            cast.app.id,
            ["link.appearance.light"],
            link=v1.LinkSettings(appearance=v1.Appearance(light=FAINT)),
        ),
        asked=f"buttons in {FAINT.primary} on {FAINT.background}",
        reason="FIELD_INVALID",
        says=[FAINT_CONTRAST, CONTRAST_NEEDED],
    )
    unknown = f"{BANK_ID}-typo"
    cast.stage.expect_refusal(
        cast.customer,
        cast.customer.settings.UpdateSettings,
        shape(
            cast.app.id,
            ["banks.pinned_bank_ids"],
            banks=v1.BankSettings(pinned_bank_ids=[cast.bank.id, unknown]),
        ),
        asked=f"pin {cast.bank.id} and {unknown}",
        reason="FIELD_INVALID",
        says=[unknown],
    )


def _shape(cast: Cast) -> None:
    look = v1.LinkSettings(
        languages=LANGUAGES,
        default_language=LANGUAGES[0],
        appearance=v1.Appearance(light=LIGHT, dark=DARK),
    )
    banks = v1.BankSettings(
        mode=v1.BANK_LIST_MODE_EXCEPT,
        bank_ids=[cast.hidden_bank.id],
        pinned_bank_ids=[cast.second_bank.id, cast.bank.id],
        country_codes=[COUNTRY],
    )
    cast.settings = cast.stage.ask(
        cast.customer,
        cast.customer.settings.UpdateSettings,
        shape(cast.app.id, LOOK_PATHS, "Our look", link=look, banks=banks),
        asked=(
            f"{COUNTRY} but {cast.hidden_bank.id}, pin {cast.second_bank.id} and {cast.bank.id}, "
            f"languages {' and '.join(LANGUAGES)}, our colours"
        ),
        told=lambda a: f"version {a.settings.version}",
        holds=lambda a: {
            "one more version": a.settings.version == cast.first_settings.version + 1,
            "these banks": a.settings.banks == banks,
            "these languages": list(a.settings.link.languages) == list(LANGUAGES),
            "these colours": a.settings.link.appearance == look.appearance,
            "auth tokens still forced": a.settings.link.force_auth_token,
        },
    ).settings


def _change_with_a_session(cast: Cast) -> None:
    """Let the app's server change what is harmless, and nothing that could disarm the app."""
    pinned = [cast.bank.id, cast.second_bank.id]
    cast.settings = cast.stage.ask(
        cast.server,
        cast.server.settings.UpdateSettings,
        shape(
            "",  # its own app
            ["banks.pinned_bank_ids"],
            "The other way round",
            banks=v1.BankSettings(pinned_bank_ids=pinned),
        ),
        asked=f"with its session: {cast.bank.id} before {cast.second_bank.id}",
        told=lambda a: f"version {a.settings.version}",
        holds=lambda a: {
            "the new order": list(a.settings.banks.pinned_bank_ids) == pinned,
            "the rest as it was": a.settings.link == cast.settings.link,
        },
    ).settings
    cast.stage.expect_refusal(
        cast.server,
        cast.server.settings.UpdateSettings,
        shape("", ["link.force_auth_token"], link=v1.LinkSettings(force_auth_token=False)),
        asked="with its session: force auth tokens no more",
        reason="ACCOUNT_TOKEN_REQUIRED",
        says=["link.force_auth_token"],
    )
