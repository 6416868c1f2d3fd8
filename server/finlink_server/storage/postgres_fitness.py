"""Whether a PostgreSQL database can hold what the service promises."""

from typing import Any, Final

from finlink_server.storage.database import DatabaseError

_OLDEST_VERSION: Final = 150_000
_CODE_POINTS: Final = ("C", "POSIX", "C.UTF-8", "C.UTF8", "C.utf8")
SETTINGS: Final = """
SELECT
    current_setting('server_version_num')::int, pg_encoding_to_char(encoding),
    datlocprovider::text, datcollate, current_setting('synchronous_commit'),
    current_setting('transaction_read_only')
FROM pg_database WHERE datname = current_database()
"""


def check(name: str, found: tuple[Any, ...]) -> None:
    """Refuse a database of which SETTINGS has found what will not do."""
    version, encoding, provider, collation, commit, read_only = found
    if version < _OLDEST_VERSION:
        message = f"{name} is PostgreSQL {version // 10_000}. It must be 15 or newer."
        raise DatabaseError(message)
    if encoding != "UTF8" or not sorts_by_code_point(provider, collation):
        message = (
            f"{name} sorts text by {collation} in {encoding}, and pages of lists would"
            " skip rows. Make it with `CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'"
            " LOCALE_PROVIDER libc LOCALE 'C'`."
        )
        raise DatabaseError(message)
    if read_only == "on":  # in recovery it always is
        message = (
            f"{name} takes no writes: it is a replica, or was set to be read-only. Let"
            " FINLINK_DATABASE_URL name the primary; of several hosts it is found, unless"
            " `target_session_attrs` asks for another."
        )
        raise DatabaseError(message)
    if commit == "off":
        message = (
            f"{name} has synchronous_commit off: what was acknowledged could be lost. Turn"
            " it on for this database."
        )
        raise DatabaseError(message)


def sorts_by_code_point(provider: str, collation: str) -> bool:
    """Whether text is in the order of its bytes, as SQLite and Python have it.

    The library's locale (`c`) may be any; all of the built-in ones (`b`) sort so.
    """
    return provider == "b" or (provider == "c" and collation in _CODE_POINTS)
