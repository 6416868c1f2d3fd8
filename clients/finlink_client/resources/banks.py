"""`client.banks`.

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

_LIST = Method(
    "/finlink.config.v1.SettingsService/ListBanks", v1.ListBanksRequest, v1.ListBanksResponse
)
_GET = Method("/finlink.config.v1.SettingsService/GetBank", v1.GetBankRequest, v1.GetBankResponse)
_SET_STATUS = Method(
    "/finlink.config.v1.AdminService/SetBankStatus",
    v1.SetBankStatusRequest,
    v1.SetBankStatusResponse,
)


class Banks:
    """`client.banks`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self,
        query: str = "",
        *,
        country_codes: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> Pages[v1.Bank, v1.ListBanksResponse]:
        """Lists the banks of the catalogue by name, or those that a query finds.

        Args:
            query: Words, each the start of a word of the name; or the start of a BIC; or an id.
                Blind to case and accents. Empty: all. At most 100 characters, spaces around it
                aside, without control, bidirectional or zero-width characters.
            country_codes: Banks of these countries only, as ISO 3166-1 alpha-2 codes in
                capitals; empty: of all. At most 50, each once.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.banks,
            _LIST,
            timeout,
            metadata,
            query=query,
            country_codes=country_codes,
            page_size=page_size,
            page_token=page_token,
        )

    def get(self, bank_id: str, *, timeout: Timeout = None, metadata: Metadata = None) -> v1.Bank:
        """Gives one bank of the catalogue.

        Errors:
        - NOT_FOUND (BANK_NOT_FOUND).

        Args:
            bank_id: Such as `es-bbva`; as LinkParameters.bank_id.
        """
        return self._calls.unary(_GET, timeout, metadata, bank_id=bank_id).bank

    def set_status(
        self,
        bank_id: str,
        *,
        status: arguments.BankStatusName | int,
        comment: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.SetBankStatusResponse:
        """Tells the widgets whether a bank can be connected at present. A bank that is
        DOWN is still shown, as such.

        Setting the status that it has changes nothing. Journal:
        `bank.status_changed`.

        Errors:
        - NOT_FOUND (BANK_NOT_FOUND).

        Args:
            bank_id: Such as `es-bbva`; as LinkParameters.bank_id.
            status: OPERATIONAL, DEGRADED or DOWN.
            comment: Why, for the journal. At most 500 characters, as
                UpdateSettingsRequest.comment.
        """
        return self._calls.unary(
            _SET_STATUS, timeout, metadata, bank_id=bank_id, status=status, comment=comment
        )


class AsyncBanks:
    """`client.banks`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    def list(
        self,
        query: str = "",
        *,
        country_codes: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> AsyncPages[v1.Bank, v1.ListBanksResponse]:
        """Lists the banks of the catalogue by name, or those that a query finds.

        Args:
            query: Words, each the start of a word of the name; or the start of a BIC; or an id.
                Blind to case and accents. Empty: all. At most 100 characters, spaces around it
                aside, without control, bidirectional or zero-width characters.
            country_codes: Banks of these countries only, as ISO 3166-1 alpha-2 codes in
                capitals; empty: of all. At most 50, each once.
            page_size: How many at most: 0 means 50, above 500 means 500, negative is refused.
            page_token: next_page_token of the page before, at most 1,024 characters; empty: the
                first page.
        """
        return self._calls.pages(
            lambda page: page.banks,
            _LIST,
            timeout,
            metadata,
            query=query,
            country_codes=country_codes,
            page_size=page_size,
            page_token=page_token,
        )

    async def get(
        self, bank_id: str, *, timeout: Timeout = None, metadata: Metadata = None
    ) -> v1.Bank:
        """Gives one bank of the catalogue.

        Errors:
        - NOT_FOUND (BANK_NOT_FOUND).

        Args:
            bank_id: Such as `es-bbva`; as LinkParameters.bank_id.
        """
        return (await self._calls.unary(_GET, timeout, metadata, bank_id=bank_id)).bank

    async def set_status(
        self,
        bank_id: str,
        *,
        status: arguments.BankStatusName | int,
        comment: str = "",
        timeout: Timeout = None,
        metadata: Metadata = None,
    ) -> v1.SetBankStatusResponse:
        """Tells the widgets whether a bank can be connected at present. A bank that is
        DOWN is still shown, as such.

        Setting the status that it has changes nothing. Journal:
        `bank.status_changed`.

        Errors:
        - NOT_FOUND (BANK_NOT_FOUND).

        Args:
            bank_id: Such as `es-bbva`; as LinkParameters.bank_id.
            status: OPERATIONAL, DEGRADED or DOWN.
            comment: Why, for the journal. At most 500 characters, as
                UpdateSettingsRequest.comment.
        """
        return await self._calls.unary(
            _SET_STATUS, timeout, metadata, bank_id=bank_id, status=status, comment=comment
        )
