"""An HTTP gateway: checks the session of each request, and forwards what it may do.

With `make run` in one shell and the lines that it prints pasted into another:

    python clients/examples/gateway.py

It takes TARGET and VERIFIER_KEY, listens on LISTEN (127.0.0.1:8080), and forwards to UPSTREAM
(http://127.0.0.1:8081), which learns from X-Finlink-… headers who calls. `python -m http.server
8081` is enough to try. A caller sends the session token of an app in `Authorization: Bearer …`.

- A session that has ended is refused within a bound, MAX_STALENESS, and mostly within
  milliseconds; an answer that is still on its way then is cut off.
- What cannot be known is not forwarded: the verifier asks Finlink Config when it has not heard
  from it for that long, and while that does not answer the caller gets 503 and Retry-After.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from finlink_client import (
    ScopeMissingError,
    SessionInactiveError,
    SessionVerifier,
    VerifiedSession,
    VerifierError,
)

MAX_STALENESS = timedelta(seconds=2)
LOOK_EVERY = 1  # seconds, at a session whose answer is still on its way
# The scopes that a session needs; what is not here is for nobody.
SCOPES = {
    "GET": ["read"],
    "HEAD": ["read"],
    "POST": ["write"],
    "PUT": ["write"],
    "PATCH": ["write"],
    "DELETE": ["delete"],
}
# Of one connection, not of what is forwarded (RFC 9110 §7.6.1).
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}

VERIFIER = web.AppKey("VERIFIER", SessionVerifier)
UPSTREAM = web.AppKey("UPSTREAM", URL)
CLIENT = web.AppKey("CLIENT", ClientSession)


async def forward(request: web.Request) -> web.StreamResponse:
    verifier, token = request.app[VERIFIER], bearer(request)
    if request.method not in SCOPES:
        raise web.HTTPMethodNotAllowed(request.method, SCOPES)
    try:
        session = await verifier.verify_async(token, SCOPES[request.method])
    except VerifierError as error:
        return refusal(error)
    try:
        async with request.app[CLIENT].request(
            request.method,
            upstream_of(request),
            headers=headers_of(request.headers, session),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        ) as answer:
            return await pass_on(answer, request, verifier, token)
    except ClientError:
        raise web.HTTPBadGateway(text="The service behind does not answer.\n") from None


async def pass_on(
    answer: ClientResponse, request: web.Request, verifier: SessionVerifier, token: str
) -> web.StreamResponse:
    """Send an answer as it comes, for as long as the session lives."""
    response = web.StreamResponse(status=answer.status, headers=without_hop_by_hop(answer.headers))
    await response.prepare(request)
    try:
        async for chunk in chunks(answer):
            await verifier.verify_async(token)  # mostly from memory
            await response.write(chunk)
    except (VerifierError, ClientError):
        if request.transport:
            request.transport.abort()  # so that nobody takes a part for the whole
    return response


async def chunks(answer: ClientResponse) -> AsyncIterator[bytes]:
    """Give what comes, and nothing now and then while nothing comes."""
    while not answer.content.at_eof():
        chunk = b""
        with suppress(TimeoutError):
            chunk = await asyncio.wait_for(answer.content.readany(), LOOK_EVERY)
        yield chunk


def upstream_of(request: web.Request) -> URL:
    """Give the same path and query of the service behind, whatever they look like."""
    upstream, asked = request.app[UPSTREAM], request.rel_url
    return URL.build(
        scheme=upstream.scheme,
        authority=upstream.raw_authority,
        path=asked.raw_path,
        query_string=asked.raw_query_string,
        encoded=True,
    )


def bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise web.HTTPUnauthorized(
            headers={"WWW-Authenticate": "Bearer"}, text="Send a session token as a bearer token.\n"
        )
    return token


def refusal(error: VerifierError) -> web.Response:
    """Say no as RFC 6750 §3 says it."""
    if isinstance(error, SessionInactiveError):
        status, challenge = 401, 'Bearer error="invalid_token"'
    elif isinstance(error, ScopeMissingError):
        scope = " ".join(error.missing_scopes)
        status, challenge = 403, f'Bearer error="insufficient_scope", scope="{scope}"'
    else:
        return web.Response(status=503, headers={"Retry-After": "1"}, text=f"{error}\n")
    return web.Response(status=status, headers={"WWW-Authenticate": challenge}, text=f"{error}\n")


def headers_of(received: CIMultiDictProxy[str], session: VerifiedSession) -> CIMultiDict[str]:
    """Give the headers for the service: who calls, but not with which token."""
    headers = without_hop_by_hop(received)
    for name in list(headers):
        # What a caller says of itself is not for the service to believe.
        if name.lower() in {"authorization", "host"} or name.lower().startswith("x-finlink-"):
            headers.popall(name, None)
    headers["X-Finlink-App-Id"] = session.app_id
    headers["X-Finlink-Environment"] = session.environment
    headers["X-Finlink-Scopes"] = " ".join(sorted(session.scopes))
    return headers


def without_hop_by_hop(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP | named
    )


async def connections(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession(
        auto_decompress=False,  # bodies go through as they are
        cookie_jar=DummyCookieJar(),  # one caller's cookies are not another's
        timeout=ClientTimeout(total=None, sock_connect=5),  # seconds
    ) as client:
        app[CLIENT] = client
        yield


def refuse(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    sys.exit(2)


def main() -> None:
    listen = URL("//" + os.environ.get("LISTEN", "127.0.0.1:8080"))
    try:
        target, key = os.environ["TARGET"], os.environ["VERIFIER_KEY"]
        verifier = SessionVerifier(target, key, max_staleness=MAX_STALENESS)
    except KeyError as missing:
        refuse(f"Set {missing.args[0]}: `make run` prints a line that does.")
    except ValueError as error:
        refuse(f"VERIFIER_KEY: {error}")
    try:
        listening = socket.create_server((listen.host or "", listen.port or 0))
    except OSError as error:
        refuse(f"LISTEN: {error.strerror}.")
    app = web.Application()
    app[VERIFIER] = verifier
    app[UPSTREAM] = URL(os.environ.get("UPSTREAM", "http://127.0.0.1:8081"))
    app.cleanup_ctx.append(connections)
    app.router.add_route("*", "/{path:.*}", forward)
    with verifier, listening:
        port = listening.getsockname()[1]
        print(f"Serving on http://{listen.host}:{port}; Ctrl-C stops it.", flush=True)
        web.run_app(app, sock=listening, print=None)


if __name__ == "__main__":
    main()
