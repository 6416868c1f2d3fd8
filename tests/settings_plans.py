"""Plans of settings files for apps that exist on paper only."""

from __future__ import annotations

from typing import Any

from finlink.config import v1
from finlink_client.messages import build
from finlink_client.settings_file import plans, reader

NEW_APP = {"app_id": "app_1", "version": 3, "etag": "e3", "banks": {"mode": "ALL"}}


def present(**values: Any) -> v1.Settings:
    return build(v1.Settings, NEW_APP | values)


def plan(text: str, of: v1.Settings, *, prune: bool = False) -> plans.Plan:
    return plans.make(
        reader.read(f"api_version: finlink.config.v1\n{text}".encode()), of, prune=prune
    )


def entry(name: str = "", uri: str = "", entry_id: str = "", **more: Any) -> dict[str, Any]:
    return {"id": entry_id, "display_name": name, "uri": uri, **more}


def endpoints(*names: str) -> v1.Settings:
    return present(
        webhook_endpoints=[
            {"id": f"whe_{name}", "uri": f"https://{name}.example", "etag": f"e-{name}"}
            for name in names
        ]
    )
