"""SettingsService."""

from finlink.config import v1
from finlink_server.domain import settings
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.services import convert


class SettingsService:
    """Reads and changes an app's settings."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def GetSettings(self, request: v1.GetSettingsRequest, caller: Caller) -> v1.GetSettingsResponse:
        version = settings.get(caller, request.app_id, request.version)
        return v1.GetSettingsResponse(settings=convert.settings(version))

    def UpdateSettings(
        self, request: v1.UpdateSettingsRequest, caller: Caller
    ) -> v1.UpdateSettingsResponse:
        version = settings.update(
            self.env,
            caller,
            request.settings.app_id,
            convert.document(request.settings),
            request.update_mask.paths,
            request.settings.etag,
            request.comment,
            validate_only=request.validate_only,
        )
        return v1.UpdateSettingsResponse(settings=convert.settings(version))
