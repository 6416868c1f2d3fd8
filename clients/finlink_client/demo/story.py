"""The story that `finlink demo` plays: a usual day of an app."""

import grpc

from finlink.config import v1
from finlink_client.demo import instance, leak, versions, webhooks, widget
from finlink_client.demo.cast import Cast, bare, clock, once, shape, verdict
from finlink_client.demo.stage import Audience, Caller, Stage, veil

REDIRECT_URI = "https://shop.example/bank-connected"


def play(channel: grpc.Channel, operator: Caller, audience: Audience) -> None:
    """Play the whole story, and clean up whatever happens on the way.

    Raises StoryBrokenError when a step does not go as told.
    """
    cast = Cast(Stage(audience), channel, operator)
    try:
        an_account_and_an_app(cast)
        a_session(cast)
        link_opens_with_an_auth_token_only(cast)
        widget.the_customer_shapes_the_widget(cast)
        instance.link_shows_what_the_customer_shaped(cast)
        versions.every_look_is_a_version(cast)
        one_session_per_secret(cast)
        leak.rotate_look_revoke(cast)
        leak.all_that_hung_on_it_is_dead(cast)
        leak.the_journal_tells(cast)
        webhooks.webhooks_arrive(cast)
    finally:
        tidying_up(cast)
    audience.finished(
        cast.stage.steps, f"The account {cast.email} stays; it has no app and no token."
    )


def an_account_and_an_app(cast: Cast) -> None:
    """An operator makes an account; its owner signs in and sets up an app."""
    cast.stage.chapter("An account and an app")
    created = cast.stage.ask(
        cast.operator,
        cast.operator.admin.CreateAccount,
        v1.CreateAccountRequest(email=cast.email, display_name="Demo customer", request_id=once()),
        asked=cast.email,
        told=lambda a: f"{a.account.id}, setup token {veil(a.setup_token)}",
        holds=lambda a: {
            "an account without a password": a.account.state == v1.ACCOUNT_STATE_PENDING
        },
    )
    cast.account = created.account

    owner = Caller("customer", cast.channel)
    cast.stage.ask(
        owner,
        owner.accounts.SetPassword,
        v1.SetPasswordRequest(setup_token=created.setup_token, new_password=cast.password),
        asked="with the setup token",
        told=lambda _: "the account has a password",
        holds=lambda a: {"an active account": a.account.state == v1.ACCOUNT_STATE_ACTIVE},
    )
    signed_in = cast.stage.ask(
        owner,
        owner.accounts.SignIn,
        v1.SignInRequest(email=cast.email, password=cast.password),
        asked="with e-mail and password",
        told=lambda a: f"account token {veil(a.account_token)} until {clock(a.expire_time)}",
        holds=lambda a: {"the same account": a.account.id == cast.account.id},
    )
    cast.customer = Caller("customer", cast.channel, signed_in.account_token)
    cast.signed_in = True

    cast.app = cast.stage.ask(
        cast.customer,
        cast.customer.accounts.CreateApp,
        v1.CreateAppRequest(
            display_name="Demo shop",
            public_name="Demo Shop",
            environment=v1.ENVIRONMENT_SANDBOX,
            request_id=once(),
        ),
        asked="Demo Shop, SANDBOX",
        told=lambda a: a.app.id,
    ).app
    cast.first_settings = cast.stage.ask(
        cast.customer,
        cast.customer.settings.UpdateSettings,
        shape(
            cast.app.id,
            ["link.force_auth_token", "link.redirects"],
            "Set up by finlink demo",
            link=v1.LinkSettings(
                force_auth_token=True,
                redirects=[v1.Redirect(display_name="Shop", uri=REDIRECT_URI)],
            ),
        ),
        asked="add a redirect, force auth tokens",
        told=lambda a: f"version {a.settings.version}; Link returns to {REDIRECT_URI}",
        holds=lambda a: {
            "auth tokens forced": a.settings.link.force_auth_token,
            "one redirect": [r.uri for r in a.settings.link.redirects] == [REDIRECT_URI],
        },
    ).settings
    cast.redirect = cast.first_settings.link.redirects[0]


def a_session(cast: Cast) -> None:
    """A server of the app logs in, and another service believes its token."""
    cast.stage.chapter("A session, and a service that validates it")
    created = cast.stage.ask(
        cast.customer,
        cast.customer.secrets.CreateSecret,
        v1.CreateSecretRequest(app_id=cast.app.id, display_name="Demo server", request_id=once()),
        asked="for the app's server",
        told=lambda a: f"{a.secret.id}, shown once: {veil(a.client_secret)}",
        holds=lambda a: {"an active secret": a.secret.state == v1.SECRET_STATE_ACTIVE},
    )
    cast.secret, cast.client_secret = created.secret, created.client_secret

    login = Caller("server", cast.channel)
    cast.first = cast.stage.ask(
        login,
        login.sessions.StartSession,
        cast.login(),
        asked="with client id and client secret",
        told=lambda a: f"{a.session.id}, token {veil(a.access_token)}",
        holds=lambda a: {"no session before it": not a.superseded_session_id},
    )
    cast.server = Caller("server", cast.channel, cast.first.access_token)
    cast.verifier = cast.service("verifier", v1.ROLE_VERIFIER)
    cast.link = cast.service("link", v1.ROLE_LINK)
    cast.stage.ask(
        cast.verifier,
        cast.verifier.sessions.ValidateSession,
        v1.ValidateSessionRequest(access_token=cast.first.access_token, required_scopes=["write"]),
        asked="may this token write?",
        told=verdict,
        holds=lambda a: {
            "active": a.active,
            "scope write": not a.missing_scopes,
            "this app": a.session.app_id == cast.app.id,
        },
    )


def link_opens_with_an_auth_token_only(cast: Cast) -> None:
    """A signed reference to stored parameters opens Link, once; a URL does not."""
    cast.stage.chapter("Link opens with an auth token only")
    made = cast.stage.ask(
        cast.server,
        cast.server.links.CreateLinkToken,
        cast.link_token_request(),
        asked="product TRANSACTIONS, external_id order-42",
        told=lambda a: f"{a.link_token.id}, auth token {veil(a.auth_token)}",
        holds=lambda a: {"good for one Link": a.link_token.max_opens == 1},
    )
    cast.stage.expect_refusal(
        cast.link,
        cast.link.links.OpenLink,
        v1.OpenLinkRequest(query=f"id={cast.redirect.id}&product=INVESTMENTS"),
        asked=f"id={veil(cast.redirect.id)}&product=INVESTMENTS",
        reason="LINK_AUTH_TOKEN_REQUIRED",
    )
    others = ("utm_source=mail", "product=INVESTMENTS")
    cast.stage.ask(
        cast.link,
        cast.link.links.OpenLink,
        v1.OpenLinkRequest(
            query="&".join((f"authToken={made.auth_token}", *others)), request_id=once()
        ),
        asked=f"authToken={veil(made.auth_token)}, and {' and '.join(others)}",
        told=lambda a: (
            f"opens for {bare(v1.Product.Name(a.link.parameters.product), 'PRODUCT_')}, "
            f"ignores {' and '.join(a.link.ignored_parameters)}; {a.link.id}"
        ),
        holds=lambda a: {
            "an open Link": a.link.state == v1.LINK_STATE_OPEN,
            "the token's parameters": a.link.parameters == made.link_token.parameters,
            "the others ignored": list(a.link.ignored_parameters) == ["utm_source", "product"],
            "the app's redirect": a.link.redirect_uri == REDIRECT_URI,
        },
    )
    cast.stage.expect_refusal(
        cast.link,
        cast.link.links.OpenLink,
        v1.OpenLinkRequest(query=f"authToken={made.auth_token}", request_id=once()),
        asked="the same auth token again",
        reason="LINK_TOKEN_USED_UP",
    )


def one_session_per_secret(cast: Cast) -> None:
    """A second login takes the session over."""
    cast.stage.chapter("One session per secret")
    login = Caller("server", cast.channel)
    cast.second = cast.stage.ask(
        login,
        login.sessions.StartSession,
        cast.login(),
        asked="with the same client secret",
        told=lambda a: f"{a.session.id} takes over from the first",
        holds=lambda a: {
            "the first is superseded": a.superseded_session_id == cast.first.session.id
        },
    )
    cast.server = Caller("server", cast.channel, cast.second.access_token)
    cast.expect_inactive("the first token?", cast.first, v1.INACTIVE_REASON_SUPERSEDED)


def tidying_up(cast: Cast) -> None:
    """Leave nothing that works: run also when the story broke off."""
    if not (cast.service_keys or cast.signed_in):
        return
    cast.stage.chapter("Tidying up")
    if cast.bank_is_down:
        instance.set_status(cast, v1.BANK_STATUS_OPERATIONAL)
    for key in cast.service_keys:
        cast.stage.ask(
            cast.operator,
            cast.operator.admin.RevokeServiceKey,
            v1.RevokeServiceKeyRequest(service_key_id=key.id),
            asked=key.display_name,
            told=lambda a: f"{a.service_key.id} is revoked",
            holds=lambda a: {"revoked": a.service_key.HasField("revoke_time")},
        )
    if cast.app.id:
        cast.stage.ask(
            cast.customer,
            cast.customer.accounts.DeleteApp,
            v1.DeleteAppRequest(app_id=cast.app.id, password=cast.password),
            asked="with the password",
            told=lambda a: f"{a.app.id} is deleted",
        )
    if cast.signed_in:
        cast.stage.ask(
            cast.customer,
            cast.customer.accounts.SignOut,
            v1.SignOutRequest(),
            asked="this account token",
            told=lambda _: "it is dead",
        )
