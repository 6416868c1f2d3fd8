"""Lists that fetch their pages by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

Item = TypeVar("Item")
Page = TypeVar("Page", bound=Message)


class Pages(Generic[Item, Page]):
    """The items of a list, each page fetched when it is needed; again each time it is iterated.

    Nothing is asked before the first item, so that errors come there.
    """

    def __init__(
        self,
        fetch: Callable[[str], Page],
        items: Callable[[Page], Sequence[Item]],
        page_token: str,
    ) -> None:
        self._fetch = fetch
        self._items = items
        self._page_token = page_token

    def __iter__(self) -> Iterator[Item]:
        """Give every item of every page."""
        for page in self.pages():
            yield from self._items(page)

    def pages(self) -> Iterator[Page]:
        """Give the answers as they are, each with its `next_page_token`."""
        page: Any = self._fetch(self._page_token)
        yield page
        while page.next_page_token:
            page = self._fetch(page.next_page_token)
            yield page


class AsyncPages(Generic[Item, Page]):
    """The items of a list, each page fetched when it is needed; again each time it is iterated.

    Nothing is asked before the first item, so that errors come there.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Page]],
        items: Callable[[Page], Sequence[Item]],
        page_token: str,
    ) -> None:
        self._fetch = fetch
        self._items = items
        self._page_token = page_token

    async def __aiter__(self) -> AsyncIterator[Item]:
        """Give every item of every page."""
        async for page in self.pages():
            for item in self._items(page):
                yield item

    async def pages(self) -> AsyncIterator[Page]:
        """Give the answers as they are, each with its `next_page_token`."""
        page: Any = await self._fetch(self._page_token)
        yield page
        while page.next_page_token:
            page = await self._fetch(page.next_page_token)
            yield page
