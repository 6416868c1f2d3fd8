"""Lists read in pages: the same as in one, and no page's token is good for anything else."""

from __future__ import annotations

from typing import Any

from tests.model import reference_methods as methods
from tests.model.stage import OWNER, Acts

# Method → what else is asked. All are answered by id, newest or oldest first.
_LISTS: dict[str, dict[str, Any]] = {
    "ListSecrets": {"show_inactive": True},
    "ListSessions": {},
    "ListLinkTokens": {},
    "ListLinks": {},
    "ListSettingsVersions": {},
    "ListEndpoints": {},
    "ListEvents": {},
    "ListAppBanks": {},
    "ListAuditEvents": {},
}
_MOST_PAGES = 6


class Pages(Acts):
    """Acts that leaf through what there is."""

    def see_pages(self, app: str, size: int) -> None:
        """Read each list of an app in pages, and give each first token to a list and a caller."""
        if self.world.apps[app].get("delete_time"):
            return
        tokens = {name: self.leaf(name, size, app_id=app, **more) for name, more in _LISTS.items()}
        for name, other in zip(_LISTS, [*list(_LISTS)[1:], *_LISTS], strict=False):
            fields = {"app_id": app, "page_token": tokens[name]}
            if tokens[name]:
                self.root(other, **fields, **_LISTS[other])
        name = next((name for name, token in tokens.items() if token), "")
        if name:  # the operator's, in the hands of whom the list is of, or for another app's list
            fields = {"page_token": tokens[name], **_LISTS[name]}
            self.by(OWNER, app, name, app_id=app, **fields)
            for other in [one for one in self.world.apps if one != app][:1]:
                self.root(name, app_id=other, **fields)

    def leaf(self, method: str, size: int, **fields: Any) -> str:
        """Compare a list in pages with the list in one; the token of the first page."""
        call = getattr(getattr(self.stage.operator, methods.SERVICE_OF[method]), method)
        whole = call(page_size=500, **fields)
        if whole.next_page_token:  # every bank of the world
            return ""
        (name,) = [one.name for one in whole.DESCRIPTOR.fields if one.is_repeated]
        rows = list(getattr(whole, name))
        size = max(size, -(-len(rows) // _MOST_PAGES))
        pages = [call(page_size=size, **fields)]
        while pages[-1].next_page_token:
            pages.append(call(page_size=size, page_token=pages[-1].next_page_token, **fields))
        told = [row for page in pages for row in getattr(page, name)]
        lengths = [len(getattr(page, name)) for page in pages]
        if told != rows or {*lengths[:-1], size} != {size}:
            self.talk.disagree(f"{method} in pages of {size} gives {lengths} of {len(rows)}")
        self.world.page_tokens |= {
            page.next_page_token: (method, fields["app_id"]) for page in pages
        }
        return str(pages[0].next_page_token)
