"""SessionService."""

import json

import structlog

from finlink.config import v1
from finlink_server import tokens
from finlink_server.domain import logins, sessions, signing_keys
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.plaintext import Plaintext
from finlink_server.services import convert
from finlink_server.storage import models

_log = structlog.get_logger("validation")


class SessionService:
    """Opens, validates and ends API sessions."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def StartSession(
        self, request: v1.StartSessionRequest, caller: Caller
    ) -> v1.StartSessionResponse:
        started = logins.start(
            self.env, caller, request.client_id, Plaintext(request.client_secret), request.scopes
        )
        return v1.StartSessionResponse(
            access_token=started.access_token,
            session=convert.session(self.env, started.session),
            superseded_session_id=started.superseded_id,
        )

    def ValidateSession(
        self, request: v1.ValidateSessionRequest, caller: Caller
    ) -> v1.ValidateSessionResponse | bytes:
        result = sessions.validate(self.env, request.access_token, request.required_scopes)
        known = result.known
        if known is None:
            _log.info("inactive", reason=result.inactive_reason, call_id=caller.call.id)
        if known is None or result.missing_scopes:
            return self._pack(result)
        if not known.packed:
            known.packed = self._pack(result).SerializeToString()
        return known.packed

    def BatchValidateSessions(
        self, request: v1.BatchValidateSessionsRequest, caller: Caller
    ) -> bytes:
        results = sessions.validate_all(
            self.env, request.access_tokens, list(request.required_scopes)
        )
        # Messages that follow each other are one, with the entries of all (protobuf's encoding).
        return b"".join(map(self._pack_entry, results))

    def EndSession(self, request: v1.EndSessionRequest, caller: Caller) -> v1.EndSessionResponse:
        row = sessions.end_own(self.env, caller)
        return v1.EndSessionResponse(session=convert.session(self.env, row))

    def GetSession(self, request: v1.GetSessionRequest, caller: Caller) -> v1.GetSessionResponse:
        row = sessions.get(caller, request.session_id)
        return v1.GetSessionResponse(session=convert.session(self.env, row))

    def ListSessions(
        self, request: v1.ListSessionsRequest, caller: Caller
    ) -> v1.ListSessionsResponse:
        page = sessions.page(
            self.env,
            caller,
            request.app_id,
            request.page_size,
            request.page_token,
            active_only=request.active_only,
        )
        return v1.ListSessionsResponse(
            sessions=[convert.session(self.env, row) for row in page.rows],
            next_page_token=page.next_token,
        )

    def RevokeSession(
        self, request: v1.RevokeSessionRequest, caller: Caller
    ) -> v1.RevokeSessionResponse:
        row = sessions.revoke(self.env, caller, request.session_id)
        return v1.RevokeSessionResponse(session=convert.session(self.env, row))

    def ListSigningKeys(
        self, request: v1.ListSigningKeysRequest, caller: Caller
    ) -> v1.ListSigningKeysResponse:
        rows = signing_keys.published(self.env, tokens.Kind.SESSION)
        return v1.ListSigningKeysResponse(
            keys=[
                v1.SigningKey(
                    kid=row.kid,
                    jwk_json=json.dumps(_jwk(row)),
                    create_time=convert.time(row.create_time),
                )
                for row in rows
            ],
            jwks_json=json.dumps({"keys": [_jwk(row) for row in rows]}),
        )

    def _pack_entry(self, result: sessions.Validation) -> bytes:
        known = result.known
        if known is None or result.missing_scopes:
            return _entry(self._pack(result))
        if not known.packed_entry:
            known.packed_entry = _entry(self._pack(result))
        return known.packed_entry

    def _pack(self, result: sessions.Validation) -> v1.ValidateSessionResponse:
        session = None
        if result.known is not None:
            session = convert.known_session(result.known)
        elif result.session is not None:
            session = convert.session(self.env, result.session)
        return v1.ValidateSessionResponse(
            active=result.known is not None,
            session=session,
            missing_scopes=result.missing_scopes,
            inactive_reason=convert.inactive_reason(result.inactive_reason),
        )


def _entry(packed: v1.ValidateSessionResponse) -> bytes:
    return v1.BatchValidateSessionsResponse(results=[packed]).SerializeToString()


def _jwk(row: models.SigningKey) -> dict[str, str]:
    public = tokens.jwk_of(signing_keys.public_key(row))
    return {**public, "kid": row.kid, "alg": tokens.ALGORITHM, "use": "sig"}
