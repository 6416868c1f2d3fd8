"""Settings files with mistakes: each is named with its place, all at once, and what to do."""

import subprocess
import sys

import pytest

from finlink_client.settings_file import reader
from finlink_client.settings_file.problems import SettingsFileError

HEAD = "api_version: finlink.config.v1\n"


def problems_of(text, *, head=""):
    with pytest.raises(SettingsFileError) as refused:
        reader.read((head + text).encode())
    return str(refused.value).splitlines()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("linc: {}", "2:1: has no key `linc`: the nearest is link."),
        (
            "banks:\n  countries: [ES]",
            "3:3: banks: has no key `countries`: the nearest is country_codes.",
        ),
        (
            "link:\n  version: 3",
            "3:3: link: has no key `version`: it may have force_auth_token, redirects, languages",
        ),
        ("<<: {}", "2:1: has no key `<<`: it may have api_version, app_id,"),
        ("? [a]\n: b", "2:3: has no key ``: it may have"),
        ("link:", "2:6: link: must be a mapping with some of force_auth_token,"),
        ("link: []", "2:7: link: must be a mapping"),
        ("link: {}\nlink: {}", "3:1: link: stands here twice: keep one of the two."),
        ("link:\n  force_auth_token: yes", "3:21: link.force_auth_token: must be true or false."),
        ("link: {force_auth_token: 'true'}", "must be true or false."),
        ("link: {force_auth_token: }", "must be true or false."),
        (
            "link: {terms_uri: }",
            "link.terms_uri: has no value: write '' for none, or take the line out.",
        ),
        ("link: {terms_uri: [a]}", "link.terms_uri: must be text."),
        ("link: {terms_uri: !foo a}", "link.terms_uri: must be text."),
        (
            "link: {languages: es}",
            "link.languages: must be a list; write [] for an empty one.",
        ),
        ("link: {languages: [es, ~]}", "link.languages[1]: has no value"),
        ("link: {languages: [{a: b}]}", "link.languages[0]: must be text."),
        ("link: {languages: !!set {a, b}}", "link.languages: must be a list"),
        ("link: {appearance: {light: red}}", "link.appearance.light: must be a mapping with some"),
        (
            "link: {redirects: [{url: https://a}]}",
            "link.redirects[0]: has no key `url`: the nearest is uri.",
        ),
        ("banks: {mode: SOME}", "banks.mode: must be one of ALL, ONLY, EXCEPT."),
        ("banks: {mode: UNSPECIFIED}", "banks.mode: must be one of ALL, ONLY, EXCEPT."),
        ("banks: {missing_bank_ids: [a]}", "banks: has no key `missing_bank_ids`"),
        ("webhook_endpoints: {}", "webhook_endpoints: must be a list"),
        ("webhook_endpoints: [{}]", "webhook_endpoints[0].uri: must be there:"),
        (
            "webhook_endpoints: [{uri: https://a, signing_secret: x}]",
            "webhook_endpoints[0]: has no key `signing_secret`",
        ),
        (
            "webhook_endpoints:\n- uri: https://a\n- uri: https://b\n- uri: https://a",
            "webhook_endpoints[2]: must differ in uri or display_name from entry [0].",
        ),
        ("link: [", "This is no YAML: while parsing a flow node, expected the node content"),
        ("a: b: c", "2:5: This is no YAML: mapping values are not allowed here."),
        ("link: *gone", "This is no YAML: found undefined alias"),
        ("---\nlink: {}", "This is no YAML: expected a single document in the stream"),
        ("link: \x07", "This is no YAML: unacceptable character #x0007"),
        ("link: " + 2000 * "[", "The file is nested too deep for settings."),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_do(text, complaint):
    assert [line for line in problems_of(text, head=HEAD) if complaint in line]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "1:1: The file is empty. Begin with an export."),
        (b"# nothing\n", "1:1: The file is empty. Begin with an export."),
        (b"- a", "1:1: must be a mapping with some of api_version, app_id,"),
        (b"link: {}", "1:1: api_version: must be finlink.config.v1, the version"),
        (b"api_version: v2", "1:14: api_version: must be finlink.config.v1, the version"),
        (b"\n\xff", "2:1: This is no UTF-8: save the file as UTF-8."),
        (b" " * (1 << 20) + b"a", "1:1: The file is larger than 1 MiB."),
    ],
)
def test_a_file_that_is_none_is_refused(content, complaint):
    with pytest.raises(SettingsFileError) as refused:
        reader.read(content)

    assert str(refused.value).startswith(complaint)


def test_all_mistakes_are_told_at_once_in_their_order():
    told = problems_of("banks:\n  mode: X\nlink:\n  texts: 3\n  langs: []\n", head=HEAD)

    assert [line.split(": ")[0] for line in told] == ["3:9", "5:10", "6:3"]


def test_aliases_of_aliases_do_not_grow():
    """The billion laughs: each line is ten times the one before."""
    lines = ["a: &a0 [x, x]"] + [
        f"b{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]" for depth in range(1, 30)
    ]
    lines.append("link: {languages: *a29}")

    told = problems_of("\n".join(lines), head=HEAD)

    assert len(told) < 100


def test_without_yaml_the_command_line_says_what_to_install():
    program = (
        "import sys; sys.modules['yaml'] = None; sys.argv[1:] = ['settings', 'plan', 'app.yaml'];"
        "from finlink_client.cli import main; main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True
    )

    assert done.returncode == 2
    assert "pip install 'finlink-config[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1
