"""The demo's chapters about a secret that leaks at 3 a.m."""

from google.protobuf.duration_pb2 import Duration

from finlink.config import v1
from finlink_client.demo.cast import Cast, clock, once, row, verdict
from finlink_client.demo.stage import Caller, veil

OVERLAP_SECONDS = 3600
LAST_EVENTS = 8


def rotate_look_revoke(cast: Cast) -> None:
    """Rotate without downtime, look before the cut, then cut."""
    cast.stage.chapter("The secret leaks: rotate, look, revoke")
    cast.successor = cast.stage.ask(
        cast.customer,
        cast.customer.secrets.RotateSecret,
        v1.RotateSecretRequest(
            secret_id=cast.secret.id,
            password=cast.password,
            overlap=Duration(seconds=OVERLAP_SECONDS),
            request_id=once(),
        ),
        asked="with password, an hour of overlap",
        told=lambda a: (
            f"new {veil(a.client_secret)}; the old one, {veil(cast.client_secret)}, "
            f"retires at {clock(a.retiring_secret.expire_time)}"
        ),
        holds=lambda a: {
            "a new active secret": a.secret.state == v1.SECRET_STATE_ACTIVE,
            "the old one retiring": a.retiring_secret.state == v1.SECRET_STATE_RETIRING,
            "its successor named": a.retiring_secret.replaced_by == a.secret.id,
        },
    )
    cast.stage.ask(
        cast.verifier,
        cast.verifier.sessions.ValidateSession,
        v1.ValidateSessionRequest(access_token=cast.second.access_token),
        asked="the token of the old secret?",
        told=verdict,
        holds=lambda a: {"still active": a.active},
    )
    cast.stage.ask(
        cast.customer,
        cast.customer.secrets.RevokeSecret,
        cast.revocation(cast.password, validate_only=True),
        asked="with password, only to see what would end",
        told=lambda a: f"would end {a.ended_session.id}; last used {clock(a.secret.last_use_time)}",
        holds=lambda a: {"the open session": a.ended_session.id == cast.second.session.id},
    )
    cast.stage.expect_refusal(
        cast.customer,
        cast.customer.secrets.RevokeSecret,
        cast.revocation(f"not {cast.password}"),
        asked="with a wrong password",
        reason="PASSWORD_WRONG",
    )
    cast.stage.ask(
        cast.customer,
        cast.customer.secrets.RevokeSecret,
        cast.revocation(cast.password),
        asked="with the password",
        told=lambda a: f"revoked; its session {a.ended_session.id} ended with it",
        holds=lambda a: {
            "revoked": a.secret.state == v1.SECRET_STATE_REVOKED,
            "its session ended": a.ended_session.id == cast.second.session.id,
        },
    )


def all_that_hung_on_it_is_dead(cast: Cast) -> None:
    """Neither its session nor the secret itself is good for anything."""
    cast.stage.chapter("All that hung on it is dead")
    cast.expect_inactive("its token?", cast.second, v1.INACTIVE_REASON_SECRET_REVOKED)
    login = Caller("server", cast.channel)
    cast.stage.expect_refusal(
        login,
        login.sessions.StartSession,
        cast.login(),
        asked="with the revoked client secret",
        reason="CLIENT_CREDENTIALS_INVALID",
    )
    cast.stage.expect_refusal(
        cast.server,
        cast.server.links.CreateLinkToken,
        cast.link_token_request(),
        asked="with the dead session",
        reason="SESSION_INACTIVE",
    )


def the_journal_tells(cast: Cast) -> None:
    """Who did what, for whoever asks afterwards."""
    cast.stage.chapter("The journal tells who did what")
    cast.stage.ask(
        cast.customer,
        cast.customer.accounts.ListAuditEvents,
        v1.ListAuditEventsRequest(app_id=cast.app.id, page_size=LAST_EVENTS),
        asked=f"the app's last {LAST_EVENTS} events",
        told=lambda a: f"{len(a.events)} events, newest first",
        holds=lambda a: {"the revocation": "secret.revoked" in [event.type for event in a.events]},
        rows=lambda a: [row(event) for event in a.events],
    )
