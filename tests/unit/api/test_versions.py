"""If-Match, as RFC 9110 has it."""

import pytest

from lampkeep_api.problems import Problem
from lampkeep_api.versions import etag, require


@pytest.mark.parametrize("given", [None, "*", '"3"', '"1", "3"', "3", ' "3" '])
def test_the_present_version_passes(given: str | None) -> None:
    require(given, 3)


@pytest.mark.parametrize("given", ['"2"', 'W/"3"', "", "33", '"3', "three", '"*"'])
def test_any_other_is_412_and_tells_the_present_one(given: str) -> None:
    with pytest.raises(Problem) as refused:
        require(given, 3)
    assert (refused.value.status, refused.value.headers["ETag"]) == (412, etag(3))
