"""AccountService."""

from finlink.config import v1
from finlink_server.domain import accounts, apps, audit, journal, sign_in, visible
from finlink_server.domain.caller import Caller
from finlink_server.domain.etags import revision_etag
from finlink_server.env import Env
from finlink_server.plaintext import Plaintext
from finlink_server.services import convert
from finlink_server.storage import models


class AccountService:
    """A customer's own account and its apps."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def SignIn(self, request: v1.SignInRequest, caller: Caller) -> v1.SignInResponse:
        done = sign_in.sign_in(self.env, caller, request.email, Plaintext(request.password))
        return v1.SignInResponse(
            account_token=done.issued.token,
            expire_time=convert.time(done.issued.expire_time),
            account=convert.account(done.account),
        )

    def SignOut(self, request: v1.SignOutRequest, caller: Caller) -> v1.SignOutResponse:
        accounts.sign_out(self.env, caller)
        return v1.SignOutResponse()

    def SetPassword(self, request: v1.SetPasswordRequest, caller: Caller) -> v1.SetPasswordResponse:
        account = accounts.set_password(
            self.env, caller, Plaintext(request.setup_token), Plaintext(request.new_password)
        )
        return v1.SetPasswordResponse(account=convert.account(account))

    def ChangePassword(
        self, request: v1.ChangePasswordRequest, caller: Caller
    ) -> v1.ChangePasswordResponse:
        ended = accounts.change_password(
            self.env,
            caller,
            Plaintext(request.current_password),
            Plaintext(request.new_password),
        )
        return v1.ChangePasswordResponse(ended_account_tokens=ended)

    def GetAccount(self, request: v1.GetAccountRequest, caller: Caller) -> v1.GetAccountResponse:
        account = visible.account(caller, request.account_id)
        return v1.GetAccountResponse(account=convert.account(account))

    def CreateApp(self, request: v1.CreateAppRequest, caller: Caller) -> v1.CreateAppResponse:
        app = apps.create(
            self.env,
            caller,
            request.display_name,
            request.public_name,
            convert.word(v1.Environment, "ENVIRONMENT", request.environment),
            convert.once(request),
        )
        return v1.CreateAppResponse(app=_app(app))

    def GetApp(self, request: v1.GetAppRequest, caller: Caller) -> v1.GetAppResponse:
        return v1.GetAppResponse(app=_app(visible.app(caller, request.app_id)))

    def ListApps(self, request: v1.ListAppsRequest, caller: Caller) -> v1.ListAppsResponse:
        page = apps.page(
            self.env, caller, request.account_id, request.page_size, request.page_token
        )
        return v1.ListAppsResponse(apps=map(_app, page.rows), next_page_token=page.next_token)

    def UpdateApp(self, request: v1.UpdateAppRequest, caller: Caller) -> v1.UpdateAppResponse:
        app = apps.rename(
            self.env, caller, request.app.id, request.app.etag, request.app.display_name
        )
        return v1.UpdateAppResponse(app=_app(app))

    def DeleteApp(self, request: v1.DeleteAppRequest, caller: Caller) -> v1.DeleteAppResponse:
        app = apps.delete(self.env, caller, request.app_id, Plaintext(request.password))
        return v1.DeleteAppResponse(app=_app(app))

    def ListAuditEvents(
        self, request: v1.ListAuditEventsRequest, caller: Caller
    ) -> v1.ListAuditEventsResponse:
        wanted = journal.Filter(
            account_id=request.account_id,
            app_id=request.app_id,
            types=tuple(request.types),
            actor_id=request.actor_id,
            target_id=request.target_id,
            call_id=request.call_id,
            start_time=convert.micros(request, "start_time"),
            end_time=convert.micros(request, "end_time"),
        )
        page = accounts.audit(self.env, caller, wanted, request.page_size, request.page_token)
        return v1.ListAuditEventsResponse(
            events=map(convert.audit_event, page.rows), next_page_token=page.next_token
        )

    def VerifyAuditLog(
        self, request: v1.VerifyAuditLogRequest, caller: Caller
    ) -> v1.VerifyAuditLogResponse:
        known = audit.End(request.known_row_count, bytes.fromhex(request.known_head))
        verdict = audit.verify_for(self.env, caller, request.account_id, known)
        return v1.VerifyAuditLogResponse(
            row_count=verdict.rows,
            head="" if verdict.problem else verdict.end.mac.hex(),
            first_problem=convert.audit_problem(verdict.problem),
            more_problems=verdict.more,
        )


def _app(row: models.App) -> v1.App:
    return convert.app(row, revision_etag(row.id, row.revision))
