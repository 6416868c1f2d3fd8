"""AdminService."""

from finlink.config import v1
from finlink_server import tokens
from finlink_server.domain import accounts, banks, secrets, service_keys, signing_keys
from finlink_server.domain.caller import Caller, Role
from finlink_server.env import Env
from finlink_server.services import convert, convert_settings


class AdminService:
    """Accounts, emergency measures and service keys."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def CreateAccount(
        self, request: v1.CreateAccountRequest, caller: Caller
    ) -> v1.CreateAccountResponse:
        setup = accounts.create(
            self.env, caller, request.email, request.display_name, convert.once(request)
        )
        return v1.CreateAccountResponse(
            account=convert.account(setup.account),
            setup_token=setup.setup_token,
            setup_token_expire_time=convert.time(setup.expire_time),
        )

    def ListAccounts(
        self, request: v1.ListAccountsRequest, caller: Caller
    ) -> v1.ListAccountsResponse:
        page = accounts.page(self.env, caller, request.email, request.page_size, request.page_token)
        return v1.ListAccountsResponse(
            accounts=map(convert.account, page.rows), next_page_token=page.next_token
        )

    def ResetPassword(
        self, request: v1.ResetPasswordRequest, caller: Caller
    ) -> v1.ResetPasswordResponse:
        setup = accounts.reset_password(self.env, caller, request.account_id)
        return v1.ResetPasswordResponse(
            setup_token=setup.setup_token,
            setup_token_expire_time=convert.time(setup.expire_time),
            ended_account_tokens=setup.ended_tokens,
        )

    def SuspendAccount(
        self, request: v1.SuspendAccountRequest, caller: Caller
    ) -> v1.SuspendAccountResponse:
        account, ended = accounts.suspend(self.env, caller, request.account_id, request.comment)
        return v1.SuspendAccountResponse(account=convert.account(account), ended_sessions=ended)

    def ReinstateAccount(
        self, request: v1.ReinstateAccountRequest, caller: Caller
    ) -> v1.ReinstateAccountResponse:
        account = accounts.reinstate(self.env, caller, request.account_id, request.comment)
        return v1.ReinstateAccountResponse(account=convert.account(account))

    def EndSecret(self, request: v1.EndSecretRequest, caller: Caller) -> v1.EndSecretResponse:
        done = secrets.end(
            self.env, caller, request.secret_id, "ENDED_BY_OPERATOR", request.comment
        )
        return v1.EndSecretResponse(secret=convert.secret(self.env, done.secret))

    def CreateServiceKey(
        self, request: v1.CreateServiceKeyRequest, caller: Caller
    ) -> v1.CreateServiceKeyResponse:
        created = service_keys.create(
            self.env,
            caller,
            request.display_name,
            [Role(convert.word(v1.Role, "ROLE", role)) for role in request.roles],
            request.event_prefixes,
            convert.once(request),
        )
        return v1.CreateServiceKeyResponse(
            service_key=convert.service_key(created.row), key=created.plaintext
        )

    def ListServiceKeys(
        self, request: v1.ListServiceKeysRequest, caller: Caller
    ) -> v1.ListServiceKeysResponse:
        page = service_keys.page(
            self.env,
            caller,
            request.page_size,
            request.page_token,
            show_inactive=request.show_inactive,
        )
        return v1.ListServiceKeysResponse(
            service_keys=map(convert.service_key, page.rows), next_page_token=page.next_token
        )

    def RevokeServiceKey(
        self, request: v1.RevokeServiceKeyRequest, caller: Caller
    ) -> v1.RevokeServiceKeyResponse:
        row = service_keys.revoke(self.env, caller, request.service_key_id)
        return v1.RevokeServiceKeyResponse(service_key=convert.service_key(row))

    def SetBankStatus(
        self, request: v1.SetBankStatusRequest, caller: Caller
    ) -> v1.SetBankStatusResponse:
        bank = banks.set_status(
            self.env,
            caller,
            request.bank_id,
            convert.word(v1.BankStatus, "BANK_STATUS", request.status),
            request.comment,
        )
        return v1.SetBankStatusResponse(bank=convert_settings.bank(bank))

    def RotateSigningKey(
        self, request: v1.RotateSigningKeyRequest, caller: Caller
    ) -> v1.RotateSigningKeyResponse:
        rotated = signing_keys.rotate(
            self.env,
            caller,
            tokens.Kind[convert.word(v1.TokenKind, "TOKEN_KIND", request.kind)],
            convert.once(request),
            revoke_previous=request.revoke_previous,
        )
        return v1.RotateSigningKeyResponse(
            kid=rotated.row.kid,
            sign_from_time=convert.time(rotated.row.sign_from_time),
            revoked_kids=rotated.revoked,
        )
