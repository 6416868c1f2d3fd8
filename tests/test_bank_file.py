"""The operator's file of banks, as text."""

import pytest

from finlink_server.domain import bank_file
from finlink_server.errors import FieldInvalid


@pytest.mark.parametrize(
    "text",
    [
        '{"banks": [{"id": "es-bbva"}], "banks": [{"id": "es-caixabank"}]}',
        '{"banks": [{"id": "es-bbva", "in_catalogue": false, "in_catalogue": true}]}',
    ],
)
def test_a_key_that_stands_twice_is_refused_by_name(tmp_path, text):
    path = tmp_path / "banks.json"
    path.write_text(text)

    with pytest.raises(FieldInvalid, match="stands twice in one object"):
        bank_file.read(path)
