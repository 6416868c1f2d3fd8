"""SettingsService."""

from finlink.config import v1
from finlink_server.domain import app_banks, banks, endpoints, present_settings, settings
from finlink_server.domain.caller import Caller
from finlink_server.domain.settings import Settings
from finlink_server.env import Env
from finlink_server.services import convert, convert_settings


class SettingsService:
    """Reads and changes an app's settings, and the banks that the widget shows."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def GetSettings(
        self, request: v1.GetSettingsRequest, caller: Caller
    ) -> v1.GetSettingsResponse | bytes:
        if request.version:
            version = settings.get(caller, request.app_id, request.version)
            return v1.GetSettingsResponse(settings=self._pack(version))
        present = present_settings.get(self.env, caller, request.app_id)
        if endpoints.of_app(present.settings.app_id) or app_banks.names_any(present.settings):
            return v1.GetSettingsResponse(settings=self._pack(present.settings))
        if not present.packed:
            answer = v1.GetSettingsResponse(settings=self._pack(present.settings))
            present.packed = answer.SerializeToString()
        return present.packed

    def UpdateSettings(
        self, request: v1.UpdateSettingsRequest, caller: Caller
    ) -> v1.UpdateSettingsResponse:
        version = settings.update(
            self.env,
            caller,
            request.settings.app_id,
            convert_settings.document(request.settings),
            request.update_mask.paths,
            request.settings.etag,
            request.comment,
            validate_only=request.validate_only,
        )
        return v1.UpdateSettingsResponse(settings=self._pack(version))

    def ListSettingsVersions(
        self, request: v1.ListSettingsVersionsRequest, caller: Caller
    ) -> v1.ListSettingsVersionsResponse:
        page = settings.history(
            self.env, caller, request.app_id, request.page_size, request.page_token
        )
        return v1.ListSettingsVersionsResponse(
            versions=map(convert_settings.settings_version, page.rows),
            next_page_token=page.next_token,
        )

    def RollbackSettings(
        self, request: v1.RollbackSettingsRequest, caller: Caller
    ) -> v1.RollbackSettingsResponse:
        version = settings.rollback(
            self.env,
            caller,
            request.app_id,
            request.version,
            request.etag,
            request.comment,
            convert.once(request),
        )
        return v1.RollbackSettingsResponse(settings=self._pack(version))

    def ListBanks(self, request: v1.ListBanksRequest, caller: Caller) -> v1.ListBanksResponse:
        page = app_banks.catalogue_page(
            self.env,
            caller,
            request.query,
            tuple(request.country_codes),
            request.page_size,
            request.page_token,
        )
        return v1.ListBanksResponse(
            banks=map(convert_settings.bank, page.rows), next_page_token=page.next_token
        )

    def GetBank(self, request: v1.GetBankRequest, caller: Caller) -> v1.GetBankResponse:
        return v1.GetBankResponse(bank=convert_settings.bank(banks.get(self.env, request.bank_id)))

    def ListAppBanks(
        self, request: v1.ListAppBanksRequest, caller: Caller
    ) -> v1.ListAppBanksResponse:
        page, pinned = app_banks.page(
            self.env,
            caller,
            request.app_id,
            convert.word(v1.Product, "PRODUCT", request.product),
            request.page_size,
            request.page_token,
        )
        return v1.ListAppBanksResponse(
            banks=convert_settings.app_banks(page.rows, pinned),
            next_page_token=page.next_token,
        )

    def _pack(self, version: Settings) -> v1.Settings:
        missing = app_banks.missing(self.env, version)
        return convert_settings.settings(
            self.env, version, missing, endpoints.of_app(version.app_id)
        )
