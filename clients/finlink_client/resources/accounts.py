"""`client.accounts`.

Made by protos/generate.py: do not edit.
"""

from collections.abc import Sequence

from finlink.config import v1
from finlink_client.async_calls import AsyncCalls
from finlink_client.calls import Calls
from finlink_client.deadlines import Timeout
from finlink_client.messages import Method
from finlink_client.outgoing import Metadata
from finlink_client.pages import AsyncPages, Pages
from finlink_client.resources import arguments
from finlink_client.watches import AsyncWatch, Watch

_SIGN_IN = Method("/finlink.config.v1.AccountService/SignIn", v1.SignInRequest, v1.SignInResponse)
_SIGN_OUT = Method(
    "/finlink.config.v1.AccountService/SignOut", v1.SignOutRequest, v1.SignOutResponse
)
_SET_PASSWORD = Method(
    "/finlink.config.v1.AccountService/SetPassword", v1.SetPasswordRequest, v1.SetPasswordResponse
)
_CHANGE_PASSWORD = Method(
    "/finlink.config.v1.AccountService/ChangePassword",
    v1.ChangePasswordRequest,
    v1.ChangePasswordResponse,
)
_GET = Method(
    "/finlink.config.v1.AccountService/GetAccount", v1.GetAccountRequest, v1.GetAccountResponse
)
_CREATE = Method(
    "/finlink.config.v1.AdminService/CreateAccount",
    v1.CreateAccountRequest,
    v1.CreateAccountResponse,
)
_LIST = Method(
    "/finlink.config.v1.AdminService/ListAccounts", v1.ListAccountsRequest, v1.ListAccountsResponse
)
_RESET_PASSWORD = Method(
    "/finlink.config.v1.AdminService/ResetPassword",
    v1.ResetPasswordRequest,
    v1.ResetPasswordResponse,
)
_SUSPEND = Method(
    "/finlink.config.v1.AdminService/SuspendAccount",
    v1.SuspendAccountRequest,
    v1.SuspendAccountResponse,
)
_REINSTATE = Method(
    "/finlink.config.v1.AdminService/ReinstateAccount",
    v1.ReinstateAccountRequest,
    v1.ReinstateAccountResponse,
)


class Accounts:
    """`client.accounts`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def sign_in(
        self, *, email: str, password: str, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.SignInResponse:
        """Proves e-mail and password, and gives an account token.

        Needs no credential. Failures count per e-mail and client address, alike
        for e-mails that have no account, and make the next attempt wait longer and
        longer; they never delay who is already signed in.

        Errors:
        - UNAUTHENTICATED (SIGN_IN_FAILED): e-mail or password is wrong; the same
          answer after the same work in both cases.
        - PERMISSION_DENIED (ACCOUNT_SUSPENDED): right, but the account is
          suspended.
        - RESOURCE_EXHAUSTED (RATE_LIMITED, HASH_QUEUE_FULL): wait as RetryInfo
          says.

        Args:
            email: An e-mail address of at most 254 characters.
            password: 10 to 256 characters, any but control and invisible characters.
        """
        return self._calls.unary(_SIGN_IN, timeout, metadata, email=email, password=password)

    def sign_out(self, *, timeout: Timeout = None, metadata: Metadata = None) -> v1.SignOutResponse:
        """Ends the account token that the call carries. A repeat is refused, because
        the token is dead.
        """
        return self._calls.unary(_SIGN_OUT, timeout, metadata)

    def set_password(
        self,
        *,
        setup_token: str,
        new_password: str,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.SetPasswordResponse:
        """Sets the account's password with a setup token, which is used up by it.

        Needs no credential. Ends every account token of the account.

        Errors:
        - UNAUTHENTICATED (SETUP_TOKEN_INVALID): unknown, used, or older than 24 h.
        - PERMISSION_DENIED (ACCOUNT_SUSPENDED): the token stays good for later.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            setup_token: The setup token from CreateAccount or ResetPassword: `fst_` and 38
                letters and digits.
            new_password: 10 to 256 characters, any but control and invisible characters.
        """
        return self._calls.unary(
            _SET_PASSWORD, timeout, metadata, setup_token=setup_token, new_password=new_password
        )

    def change_password(
        self,
        *,
        current_password: str,
        new_password: str,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.ChangePasswordResponse:
        """Replaces the password. Ends every account token but the one that the call
        carries.

        Errors:
        - PERMISSION_DENIED (PASSWORD_WRONG): the current password does not match;
          five such failures end the account token.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            current_password: The password in force: 10 to 256 characters, as new_password.
            new_password: 10 to 256 characters, any but control and invisible characters.
        """
        return self._calls.unary(
            _CHANGE_PASSWORD,
            timeout,
            metadata,
            current_password=current_password,
            new_password=new_password,
        )

    def get(
        self, account_id: str = "", *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Account:
        """Gives the caller's account, or to an operator any account.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).

        Args:
            account_id: `acc_…`. Empty: the caller's own. An operator must name one.
        """
        return self._calls.unary(_GET, timeout, metadata, account_id=account_id).account

    def create(
        self,
        *,
        email: str,
        display_name: str,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateAccountResponse:
        """Makes an account, and shows the setup token with which its owner sets a
        password.

        Idempotent by request_id: a repeat makes nothing and is answered with
        ALREADY_EXISTS. Journal: `account.created`.

        Errors:
        - ALREADY_EXISTS (ACCOUNT_ALREADY_EXISTS): the e-mail has an account, or a
          repeat; names the account.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            email: The e-mail address with which the customer will sign in: at most 254
                characters, unique, blind to case.
            display_name: Who that is; 1 to 100 characters, as App.display_name.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            email=email,
            display_name=display_name,
            request_id=request_id,
        )

    def list(
        self,
        *,
        email: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.Account, v1.ListAccountsResponse]:
        """Lists all accounts, oldest first.

        Args:
            email: Only the account with this e-mail address, of at most 254 characters; empty:
                all.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.accounts,
            _LIST,
            timeout,
            metadata,
            email=email,
            page_size=page_size,
            page_token=page_token,
        )

    def reset_password(
        self, account_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.ResetPasswordResponse:
        """Gives a new setup token, which ends the one before, and ends every account
        token of the account. The old password works no more. Sessions go on.

        Journal: `account.password_reset`.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).

        Args:
            account_id: `acc_…`.
        """
        return self._calls.unary(_RESET_PASSWORD, timeout, metadata, account_id=account_id)

    def suspend(
        self,
        account_id: str,
        *,
        comment: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.SuspendAccountResponse:
        """Suspends an account: its account tokens, sessions and Links end at once,
        and nothing of it works until it is reinstated.

        Suspending a suspended account changes nothing. Journal:
        `account.suspended`.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).

        Args:
            account_id: `acc_…`.
            comment: Why, for the journal: the customer reads it in ListAuditEvents. At most 500
                characters, as UpdateSettingsRequest.comment.
        """
        return self._calls.unary(
            _SUSPEND, timeout, metadata, account_id=account_id, comment=comment
        )

    def reinstate(
        self,
        account_id: str,
        *,
        comment: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.ReinstateAccountResponse:
        """Reinstates a suspended account. Secrets and Link tokens that have not ended
        work again; what the suspension ended stays ended.

        Reinstating an account that is not suspended changes nothing. Journal:
        `account.reinstated`.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).

        Args:
            account_id: `acc_…`.
            comment: Why, for the journal: the customer reads it in ListAuditEvents. At most 500
                characters, as UpdateSettingsRequest.comment.
        """
        return self._calls.unary(
            _REINSTATE, timeout, metadata, account_id=account_id, comment=comment
        )


class AsyncAccounts:
    """`client.accounts`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def sign_in(
        self, *, email: str, password: str, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.SignInResponse:
        """Proves e-mail and password, and gives an account token.

        Needs no credential. Failures count per e-mail and client address, alike
        for e-mails that have no account, and make the next attempt wait longer and
        longer; they never delay who is already signed in.

        Errors:
        - UNAUTHENTICATED (SIGN_IN_FAILED): e-mail or password is wrong; the same
          answer after the same work in both cases.
        - PERMISSION_DENIED (ACCOUNT_SUSPENDED): right, but the account is
          suspended.
        - RESOURCE_EXHAUSTED (RATE_LIMITED, HASH_QUEUE_FULL): wait as RetryInfo
          says.

        Args:
            email: An e-mail address of at most 254 characters.
            password: 10 to 256 characters, any but control and invisible characters.
        """
        return await self._calls.unary(_SIGN_IN, timeout, metadata, email=email, password=password)

    async def sign_out(
        self, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.SignOutResponse:
        """Ends the account token that the call carries. A repeat is refused, because
        the token is dead.
        """
        return await self._calls.unary(_SIGN_OUT, timeout, metadata)

    async def set_password(
        self,
        *,
        setup_token: str,
        new_password: str,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.SetPasswordResponse:
        """Sets the account's password with a setup token, which is used up by it.

        Needs no credential. Ends every account token of the account.

        Errors:
        - UNAUTHENTICATED (SETUP_TOKEN_INVALID): unknown, used, or older than 24 h.
        - PERMISSION_DENIED (ACCOUNT_SUSPENDED): the token stays good for later.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            setup_token: The setup token from CreateAccount or ResetPassword: `fst_` and 38
                letters and digits.
            new_password: 10 to 256 characters, any but control and invisible characters.
        """
        return await self._calls.unary(
            _SET_PASSWORD, timeout, metadata, setup_token=setup_token, new_password=new_password
        )

    async def change_password(
        self,
        *,
        current_password: str,
        new_password: str,
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.ChangePasswordResponse:
        """Replaces the password. Ends every account token but the one that the call
        carries.

        Errors:
        - PERMISSION_DENIED (PASSWORD_WRONG): the current password does not match;
          five such failures end the account token.
        - RESOURCE_EXHAUSTED (HASH_QUEUE_FULL): wait as RetryInfo says.

        Args:
            current_password: The password in force: 10 to 256 characters, as new_password.
            new_password: 10 to 256 characters, any but control and invisible characters.
        """
        return await self._calls.unary(
            _CHANGE_PASSWORD,
            timeout,
            metadata,
            current_password=current_password,
            new_password=new_password,
        )

    async def get(
        self, account_id: str = "", *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Account:
        """Gives the caller's account, or to an operator any account.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).

        Args:
            account_id: `acc_…`. Empty: the caller's own. An operator must name one.
        """
        return (await self._calls.unary(_GET, timeout, metadata, account_id=account_id)).account

    async def create(
        self,
        *,
        email: str,
        display_name: str,
        request_id: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.CreateAccountResponse:
        """Makes an account, and shows the setup token with which its owner sets a
        password.

        Idempotent by request_id: a repeat makes nothing and is answered with
        ALREADY_EXISTS. Journal: `account.created`.

        Errors:
        - ALREADY_EXISTS (ACCOUNT_ALREADY_EXISTS): the e-mail has an account, or a
          repeat; names the account.
        - INVALID_ARGUMENT (REQUEST_ID_REUSED).

        Args:
            email: The e-mail address with which the customer will sign in: at most 254
                characters, unique, blind to case.
            display_name: Who that is; 1 to 100 characters, as App.display_name.
            request_id: A UUID that makes a repeat of this request harmless for 24 hours
                (AIP-155). Optional.
        """
        return await self._calls.unary(
            _CREATE,
            timeout,
            metadata,
            email=email,
            display_name=display_name,
            request_id=request_id,
        )

    def list(
        self,
        *,
        email: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.Account, v1.ListAccountsResponse]:
        """Lists all accounts, oldest first.

        Args:
            email: Only the account with this e-mail address, of at most 254 characters; empty:
                all.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.accounts,
            _LIST,
            timeout,
            metadata,
            email=email,
            page_size=page_size,
            page_token=page_token,
        )

    async def reset_password(
        self, account_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.ResetPasswordResponse:
        """Gives a new setup token, which ends the one before, and ends every account
        token of the account. The old password works no more. Sessions go on.

        Journal: `account.password_reset`.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).

        Args:
            account_id: `acc_…`.
        """
        return await self._calls.unary(_RESET_PASSWORD, timeout, metadata, account_id=account_id)

    async def suspend(
        self,
        account_id: str,
        *,
        comment: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.SuspendAccountResponse:
        """Suspends an account: its account tokens, sessions and Links end at once,
        and nothing of it works until it is reinstated.

        Suspending a suspended account changes nothing. Journal:
        `account.suspended`.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).

        Args:
            account_id: `acc_…`.
            comment: Why, for the journal: the customer reads it in ListAuditEvents. At most 500
                characters, as UpdateSettingsRequest.comment.
        """
        return await self._calls.unary(
            _SUSPEND, timeout, metadata, account_id=account_id, comment=comment
        )

    async def reinstate(
        self,
        account_id: str,
        *,
        comment: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.ReinstateAccountResponse:
        """Reinstates a suspended account. Secrets and Link tokens that have not ended
        work again; what the suspension ended stays ended.

        Reinstating an account that is not suspended changes nothing. Journal:
        `account.reinstated`.

        Errors:
        - NOT_FOUND (ACCOUNT_NOT_FOUND).

        Args:
            account_id: `acc_…`.
            comment: Why, for the journal: the customer reads it in ListAuditEvents. At most 500
                characters, as UpdateSettingsRequest.comment.
        """
        return await self._calls.unary(
            _REINSTATE, timeout, metadata, account_id=account_id, comment=comment
        )
