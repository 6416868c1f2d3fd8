"""`finlink-server serve`, in one process or in several."""

import os
import resource
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from finlink_server import access, app, bootstrap, command_errors, config, demo, log, tracing
from finlink_server.config import Config
from finlink_server.config_values import split_listen
from finlink_server.supervisor import Supervisor

_OPEN_FILES: Final = 65_536
_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.option("--demo", "with_demo", is_flag=True, help="Make demo data; SQLite on loopback only.")
def serve(*, with_demo: bool) -> None:
    """Serve until SIGTERM or SIGINT, then let running calls finish."""
    with command_errors.readable():
        settings = config.load()
        log.start(settings.log_level, settings.log_format)
        if with_demo and not settings.on_loopback:
            message = f"--demo serves on loopback only, and FINLINK_LISTEN is {settings.listen}."
            raise click.ClickException(message)
        if with_demo and settings.on_postgres:
            message = "--demo makes its data in SQLite only: leave FINLINK_DATABASE_URL unset."
            raise click.ClickException(message)
        if settings.traces_endpoint and not _can_send_traces():
            message = "FINLINK_TRACES_ENDPOINT is set, and what sends traces is not installed:"
            raise tracing.TracesError(f"{message} pip install 'finlink-config[server,otel]'")
        if settings.workers > 1:
            _supervise(settings, with_demo=with_demo)
        else:
            _serve_alone(settings.for_demo() if with_demo else settings, with_demo=with_demo)


@click.command(hidden=True)
@click.option("--listen", required=True)
@click.option("--lifeline", required=True, type=int)
@click.option("--ready", required=True, type=int)
@click.option("--background", is_flag=True)
@click.option("--demo", "with_demo", is_flag=True)
def worker(*, listen: str, lifeline: int, ready: int, background: bool, with_demo: bool) -> None:
    """Serve as one of several; started by `serve` alone."""
    with command_errors.readable():
        settings = config.load().model_copy(update={"listen": listen})
        log.start(settings.log_level, settings.log_format)
        if with_demo:
            settings = settings.for_demo()
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        env = bootstrap.open_env(settings, prepares=False)  # the supervisor did
        threading.Thread(target=_end_with, args=(lifeline,), name="lifeline", daemon=True).start()
        _allow_open_files()
        if settings.metrics_listen:
            _begin_metrics()
        _begin_traces(settings)
        running = app.start(env, settings, shares_port=True, background=background)
        with suppress(OSError):  # nobody waits for one that is started again
            os.write(ready, b"1")
        os.close(ready)
        signal.sigwait(_STOPPING)
        running.stop(settings.drain_seconds)


def _serve_alone(settings: Config, *, with_demo: bool) -> None:
    # Waited for and not handled: a handler would set an event, whose lock the waiting
    # main thread may hold at that very moment. Blocked before the first thread starts,
    # so that it is blocked in all of them: on PostgreSQL that is the feed's. On SQLite
    # none starts so early, and a long migration can be broken off: nothing is lost.
    if settings.on_postgres:
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    env = bootstrap.open_env(settings)
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    _allow_open_files()
    with _metrics(settings), demo.alone(env) if with_demo else nullcontext():
        _begin_traces(settings)
        running = app.start(env, settings)
        _announce(settings, running.port, demo.prepare(env) if with_demo else None)
        signal.sigwait(_STOPPING)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)  # a second one ends it at once
        click.echo("Stopping: running calls may finish.", err=True)
        running.stop(settings.drain_seconds)


def _supervise(settings: Config, *, with_demo: bool) -> None:
    with _metrics_of_workers(settings) as tell_of_end:
        arguments = ["--demo"] if with_demo else []
        supervisor = Supervisor(settings, _complain, arguments, tell_of_end)
        env = bootstrap.open_env(settings)  # before any worker, and by nobody else
        with demo.alone(env) if with_demo else nullcontext():
            data = demo.prepare(env) if with_demo else None
            env.end()
            if supervisor.start():
                _announce(settings, supervisor.port, data)
                supervisor.run()


def _begin_metrics() -> None:
    # Here and not above, as below: it takes a moment, and many servers tell nobody.
    from finlink_server import prometheus  # noqa: PLC0415

    prometheus.begin([name.removeprefix("/") for name in access.METHODS])


def _can_send_traces() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.grpc") is not None
    except ImportError:
        return False


def _begin_traces(settings: Config) -> None:
    if settings.traces_endpoint:
        from finlink_server import otlp  # noqa: PLC0415

        tracing.begin(otlp.Spans(settings.traces_endpoint, settings.traces_ratio))


@contextmanager
def _metrics(settings: Config) -> Iterator[None]:
    """Let what this process counts be collected, if anybody is to."""
    if not settings.metrics_listen:
        yield
        return
    from finlink_server import prometheus  # noqa: PLC0415

    _begin_metrics()
    with prometheus.serving(split_listen(settings.metrics_listen)) as port:
        _announce_metrics(settings, port)
        yield


@contextmanager
def _metrics_of_workers(settings: Config) -> Iterator[Callable[[int], None]]:
    """Let what workers count be collected, added up; gives what is to know when one has ended."""
    if not settings.metrics_listen:
        yield lambda _: None
        return
    from finlink_server import prometheus  # noqa: PLC0415

    with prometheus.counting_together() as folder:
        registry = prometheus.of_workers(folder)
        listen = split_listen(settings.metrics_listen)
        with prometheus.serving(listen, registry) as port:
            _announce_metrics(settings, port)
            yield lambda pid: prometheus.worker_ended(pid, folder)


def _announce_metrics(settings: Config, port: int) -> None:
    host = settings.metrics_listen.rpartition(":")[0]
    click.echo(f"Metrics at http://{host}:{port}/metrics.", err=True)


def _allow_open_files() -> None:
    """Let calls and webhooks have sockets: of old, a process is given 1,024 unless it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _OPEN_FILES:
        wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _complain(sentence: str) -> None:
    click.echo(sentence, err=True)


def _end_with(lifeline: int) -> None:
    """Stop this worker when the supervisor is gone: then its end of the pipe is."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(settings: Config, port: int, data: demo.Demo | None) -> None:
    address = f"{settings.listen.rpartition(':')[0]}:{port}"
    if data is None:
        click.echo(f"Serving on {address}.", err=True)
        return
    say: Callable[[str], None] = click.echo
    say(f"Finlink Config is serving on {address}; Ctrl-C stops it.")
    say(f"Its data is in {settings.data_dir.resolve()}.")
    say("")
    say("# Paste this into a second shell. When the demo starts again, these credentials end, and")
    say("# every secret of the demo's app.")
    say(f'export PATH={shlex.quote(_folder_of_commands())}:"$PATH"')
    say(f"export TARGET='{address}'")
    for name, value in data.variables.items():
        say(f"export {name}='{value}'")
    say("")
    say("# The whole story, step by step:")
    root = settings.tls_cert.resolve() if settings.tls_cert else None
    say('finlink demo --target "$TARGET"' + (f" --tls-root '{root}'" if root else ""))
    say("")
    say("# Or call by call, as in the README:")
    trust = f"-cacert '{root}'" if root else "-plaintext"
    say(f'grpcurl {trust} "$TARGET" list')
    sys.stdout.flush()


def _folder_of_commands() -> str:
    """Where the commands lie that were installed with this one, whatever the shell's folder is."""
    return str(Path(sys.executable).parent.absolute())
