"""Settings: each alone, all wrong ones at once, and those that must go together."""

import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.methods import FIELDS

import finlink_client
from finlink_server import config
from finlink_server.config import Config, ConfigError
from finlink_server.config_values import ROLES
from finlink_server.domain.caller import Role

# Name → (default, a valid text, what it becomes).
VALID: dict[str, tuple[Any, str, Any]] = {
    "LISTEN": ("127.0.0.1:50051", "[::1]:9", "[::1]:9"),
    "DATA_DIR": (Path(".finlink"), "/var/lib/finlink", Path("/var/lib/finlink")),
    "DATABASE_URL": ("", "sqlite:////var/db.sqlite", "sqlite:////var/db.sqlite"),
    "MASTER_KEY_FILE": (Path(), "/run/secrets/key", Path("/run/secrets/key")),
    "WORKERS": (1, "2", 2),
    "PLAINTEXT": ("loopback", "allow", "allow"),
    "TRUSTED_PROXIES": (
        (),
        "10.0.0.0/8, ::1/128",
        (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")),
    ),
    "REFLECTION": (True, "off", False),
    "METRICS_LISTEN": ("", "127.0.0.1:9464", "127.0.0.1:9464"),
    "TRACES_ENDPOINT": ("", "http://[::1]:4317", "http://[::1]:4317"),
    "TRACES_RATIO": (1.0, "0.01", 0.01),
    "ISSUER": ("https://config.finlink.example", "https://id.example", "https://id.example"),
    "SIGNING_KEY_DAYS": (90, "0", 0),
    "BCRYPT_COST": (12, "10", 10),
    "WEBHOOK_ALLOW_CIDRS": (
        (),
        "127.0.0.0/8, fd00::/8",
        (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("fd00::/8")),
    ),
    "DRAIN_SECONDS": (20.0, "0.5", 0.5),
    "LOG_LEVEL": ("info", "debug", "debug"),
    "LOG_FORMAT": ("auto", "json", "json"),
    "LIMIT_HANDLER_THREADS": (16, "2", 2),
    "LIMIT_HASH_QUEUE": (16, "1", 1),
    "LIMIT_WAITING_CALLS": (1024, "1", 1),
    "LIMIT_CONCURRENT_CALLS": (4096, "16", 16),
    "LIMIT_STREAMS": (2000, "16", 16),
    "LIMIT_CONNECTIONS": (4096, "16", 16),
    "LIMIT_CONNECTION_AGE": (1800, "0", 0),
    "LIMIT_MESSAGE_BYTES": (4 * 1024 * 1024, "65536", 65_536),
    "LIMIT_METADATA_BYTES": (16 * 1024, "8192", 8192),
    "LIMIT_SIGN_IN_FAILURES": (100_000, "100", 100),
    "LIMIT_CACHE_BYTES": (64 * 1024 * 1024, "1048576", 1024 * 1024),
    "LIMIT_DATABASE_CONNECTIONS": (12, "2", 2),
    "LIMIT_FAILED_SIGN_INS": (100, "1", 1),
    "LIMIT_FAILED_LOGINS": (120, "1", 1),
    "LIMIT_FAILED_LOGINS_OF_SECRET": (20, "1", 1),
    "LIMIT_LEAK_REPORTS": (30, "1", 1),
    "LIMIT_LEAK_REPORTS_OF_SECRET": (10, "1", 1),
    "LIMIT_WEBHOOK_RATE": (500, "1", 1),
}
# Name → texts that are no value of it.
WRONG = {
    "LISTEN": (
        *("50051", "127.0.0.1", "127.0.0.1:", ":50051", "127.0.0.1:65536", "127.0.0.1:x"),
        *("config.example:50051", "256.0.0.1:1", "127.0.0.1:-1", " 127.0.0.1:1"),
        *("::1:50051", "[::1:50051", "::1]:50051", "[127.0.0.1]:50051"),
    ),
    "DATABASE_URL": (
        *("finlink.db", "mysql://db/finlink", "sqlite://finlink.db"),
        *("sqlite:///", "sqlite:///:memory:", "postgresql://"),
    ),
    "WORKERS": ("0", "65", "-1", "1.5", "auto"),
    "PLAINTEXT": ("yes", "Loopback"),
    "TRUSTED_PROXIES": ("proxy", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8,"),
    "REFLECTION": ("maybe", "2"),
    "METRICS_LISTEN": ("9464", ":9464", "metrics.example:9464", "::1:9464"),
    "TRACES_ENDPOINT": (
        *("127.0.0.1:4317", "ftp://127.0.0.1:4317", "http://user:pass@127.0.0.1:4317"),
        *("http://127.0.0.1:4317/v1/traces", "http://127.0.0.1:4317?a=b", "http://:4317"),
    ),
    "TRACES_RATIO": ("-0.1", "1.1", "nan", "all"),
    "ISSUER": ("x" * 256,),
    "SIGNING_KEY_DAYS": ("-1", "3651", "90d"),
    "BCRYPT_COST": ("9", "17", "twelve", "10.5"),
    "WEBHOOK_ALLOW_CIDRS": ("localhost", "127.0.0.1/8", "fd00::/129", ",127.0.0.0/8"),
    "DRAIN_SECONDS": ("-1", "3601", "nan", "inf", "soon"),
    "LOG_LEVEL": ("chatty", "INFO"),
    "LOG_FORMAT": ("xml",),
    "LIMIT_HANDLER_THREADS": ("1", "257"),
    "LIMIT_HASH_QUEUE": ("0", "1025"),
    "LIMIT_WAITING_CALLS": ("0", "100001"),
    "LIMIT_CONCURRENT_CALLS": ("15", "100001"),
    "LIMIT_STREAMS": ("15", "100001"),
    "LIMIT_CONNECTIONS": ("15", "60001"),
    "LIMIT_CONNECTION_AGE": ("-1", "86401"),
    "LIMIT_MESSAGE_BYTES": ("65535", "67108865"),
    "LIMIT_METADATA_BYTES": ("8191", "1048577"),
    "LIMIT_SIGN_IN_FAILURES": ("99", "10000001"),
    "LIMIT_CACHE_BYTES": ("1048575", "17179869185", "64M"),
    "LIMIT_DATABASE_CONNECTIONS": ("1", "1001"),
    "LIMIT_FAILED_SIGN_INS": ("0", "100001"),
    "LIMIT_FAILED_LOGINS": ("0", "100001"),
    "LIMIT_FAILED_LOGINS_OF_SECRET": ("0", "100001"),
    "LIMIT_LEAK_REPORTS": ("0", "10001"),
    "LIMIT_LEAK_REPORTS_OF_SECRET": ("0", "10001"),
    "LIMIT_WEBHOOK_RATE": ("0", "10001"),
    "TLS_CERT": ("/no/such/file", "/"),
    "TLS_CLIENT_CA": ("/no/such/file", "/"),
    "TLS_SAN_ROLES": (
        *("gateway.internal", "gateway.internal=", "=VERIFIER", "gateway.internal=ROOT"),
        *("work.internal=PUBLISHER", "work.internal=LINK:connection.", "a=LINK b=LINK"),
    ),
    "TLS_KEY": ("/no/such/file", "/"),
}
# A variable's name in the client's sources, without the prefix.
VARIABLE = re.compile(r"\bFINLINK_([A-Z][A-Z_]*[A-Z])\b")
EXTERNAL = ("0.0.0.0:50051", "[::]:50051", "192.0.2.7:50051")
LOOPBACK = ("127.0.0.1:0", "127.9.9.9:1", "[::1]:50051", "localhost:50051")


def load(**settings: str) -> Config:
    return config.load({f"FINLINK_{name}": value for name, value in settings.items()})


def problems(**settings: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(**settings)
    return str(caught.value).splitlines()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate's file and its key's."""
    folder = tmp_path_factory.mktemp("tls")
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return {"TLS_CERT": str(folder / "cert.pem"), "TLS_KEY": str(folder / "key.pem")}


def test_no_setting_is_left_out_here():
    names = {name.upper() for name in Config.model_fields}

    assert names == {*VALID, "TLS_CERT", "TLS_KEY", "TLS_CLIENT_CA", "TLS_SAN_ROLES"}
    assert names == {*WRONG, "DATA_DIR", "MASTER_KEY_FILE"}  # any text is a path
    assert all(field.description for field in Config.model_fields.values())


@pytest.mark.parametrize("name", VALID)
def test_a_setting_has_its_default_and_takes_a_value(name):
    default, text, value = VALID[name]

    assert getattr(load(), name.lower()) == default
    assert getattr(load(**{name: text}), name.lower()) == value
    assert getattr(load(**{name: ""}), name.lower()) == default  # empty is unset


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts]
)
def test_a_wrong_value_is_refused_by_name(name, text):
    assert any(line.startswith(f"FINLINK_{name}: ") for line in problems(**{name: text}))


def test_all_wrong_settings_are_named_at_once(pair):
    wrong = {name: texts[0] for name, texts in WRONG.items()}

    named = {line.partition(":")[0] for line in problems(**wrong, NONSENSE="1")}

    assert named == {
        *(f"FINLINK_{name}" for name in wrong),
        "FINLINK_NONSENSE is no setting of this server",
    }


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("LISTN", "LISTEN"),
        ("MASTER_KEY", "MASTER_KEY_FILE"),
        ("BCRYPT_COSTS", "BCRYPT_COST"),
        ("limit_hash_queue", ""),
    ],
)
def test_an_unknown_setting_is_refused_and_the_one_meant_is_named(typo, meant):
    (line,) = problems(**{typo: ""})

    assert line.startswith(f"FINLINK_{typo} is no setting of this server")
    if meant:
        assert line.endswith(f"did you mean FINLINK_{meant}?")


def test_variables_of_others_are_none_of_our_business():
    of_anybody = {"PATH": "/bin", "FINLINKED": "1", "LISTEN": "nonsense"}

    assert config.load(of_anybody) == Config()


def test_what_the_client_reads_may_stand_in_the_same_shell():
    """What it names in its sources, and what a command could be given a secret of a request in."""
    sources = Path(finlink_client.__file__).parent.rglob("*.py")
    named = {name for file in sources for name in VARIABLE.findall(file.read_text())}
    ours = {name.upper() for name in Config.model_fields}
    hidden = {one.last.name.upper() for one in FIELDS if one.last.GetOptions().debug_redact}

    of_the_client = (named - ours) | hidden | {"LEAKED_SECRET", "EMAIL", "TOKEN"}

    assert "SIGNING_SECRET" in of_the_client
    assert load(**dict.fromkeys(sorted(of_the_client), "x")) == Config()


@pytest.mark.parametrize("listen", EXTERNAL)
def test_plaintext_beyond_loopback_is_refused_unless_asked_for(listen, pair):
    (line,) = problems(LISTEN=listen)

    assert line.startswith(f"FINLINK_LISTEN is {listen}")
    assert "FINLINK_TLS_CERT" in line
    assert "FINLINK_PLAINTEXT=allow" in line
    assert not load(LISTEN=listen, PLAINTEXT="allow").on_loopback
    assert not load(LISTEN=listen, **pair).on_loopback


@pytest.mark.parametrize("listen", LOOPBACK)
def test_plaintext_on_loopback_is_fine(listen):
    assert load(LISTEN=listen).on_loopback


def test_names_in_certificates_stand_for_roles(tmp_path, pair):
    roles = "gateway.internal=VERIFIER,LINK; spiffe://finlink/w=PUBLISHER:connection.,PUBLISHER:b."
    ca = tmp_path / "ca.pem"
    ca.touch()

    settings = load(TLS_SAN_ROLES=roles, TLS_CLIENT_CA=str(ca), **pair)

    assert settings.tls_san_roles == {
        "gateway.internal": (("VERIFIER", "LINK"), ()),
        "spiffe://finlink/w": (("PUBLISHER", "PUBLISHER"), ("connection.", "b.")),
    }
    assert {Role(word).value for word in ROLES} == {role.value for role in Role}


@pytest.mark.parametrize(
    ("alone", "needs"),
    [("TLS_CLIENT_CA", "FINLINK_TLS_CERT"), ("TLS_SAN_ROLES", "FINLINK_TLS_CLIENT_CA")],
)
def test_certificates_of_clients_need_what_they_build_on(tmp_path, alone, needs):
    (tmp_path / "ca.pem").touch()
    value = {"TLS_CLIENT_CA": str(tmp_path / "ca.pem"), "TLS_SAN_ROLES": "a.internal=LINK"}[alone]

    (line,) = problems(**{alone: value})

    assert line.startswith(f"FINLINK_{alone} needs {needs}")


@pytest.mark.parametrize("alone", ["TLS_CERT", "TLS_KEY"])
def test_a_certificate_and_its_key_go_together(alone, pair):
    (line,) = problems(**{alone: pair[alone]})

    assert line == "FINLINK_TLS_CERT and FINLINK_TLS_KEY go together: set both or neither."
    both = load(**pair)
    assert (str(both.tls_cert), str(both.tls_key)) == (pair["TLS_CERT"], pair["TLS_KEY"])


@pytest.mark.parametrize(
    ("settings", "file", "key"),
    [
        ({}, ".finlink/finlink.db", ".finlink/master.key"),
        ({"DATA_DIR": "/d"}, "/d/finlink.db", "/d/master.key"),
        ({"DATABASE_URL": "sqlite:////x/y.db"}, "/x/y.db", ".finlink/master.key"),
        ({"DATABASE_URL": "sqlite:///y.db"}, "y.db", ".finlink/master.key"),
        ({"DATA_DIR": "/d", "MASTER_KEY_FILE": "/k"}, "/d/finlink.db", "/k"),
    ],
)
def test_database_and_key_lie_in_the_data_directory_unless_named(settings, file, key):
    found = load(**settings)

    assert (str(found.database_path), str(found.key_path)) == (file, key)
