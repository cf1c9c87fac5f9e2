import pytest

from lampkeep_standalone import address
from lampkeep_standalone.embedded import loopback
from lampkeep_standalone.errors import UsageError


@pytest.mark.parametrize(
    ("text", "meant"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:80", ("::1", 80)), (":0", ("", 0)), ("host:1", ("host", 1))],
)
def test_host_and_port_are_read_as_people_write_them(text: str, meant: tuple[str, int]) -> None:
    assert address.parse(text, option="--http") == meant


@pytest.mark.parametrize("text", ["8080", "host", "host:", "host:http", "host:65536", "host:-1", ""])
def test_what_is_no_address_is_refused_under_its_options_name(text: str) -> None:
    with pytest.raises(UsageError, match="--http"):
        address.parse(text, option="--http")


def test_an_address_that_means_all_is_shown_as_this_machine() -> None:
    assert address.shown("0.0.0.0", 80) == "127.0.0.1:80"
    assert address.shown("::", 80) == "[::1]:80"
    assert address.shown("10.0.0.5", 80) == "10.0.0.5:80"


def test_a_shown_url_holds_no_credentials() -> None:
    assert address.without_credentials("mqtts://me:p%40ss@broker:8883") == "mqtts://broker:8883"
    assert address.without_credentials("postgresql://u:p?x@a,b/db?password=s3cret#s3cret") == "postgresql://a,b/db"
    assert address.without_credentials("postgresql://h?password=s3cret") == "postgresql://h"
    assert address.without_credentials("postgresql:///db?host=/run") == "postgresql:///db"
    assert address.without_credentials("mqtt://127.0.0.1:1883") == "mqtt://127.0.0.1:1883"


def test_a_free_port_lies_outside_what_the_kernel_gives_to_clients() -> None:
    first, last = map(int, loopback.EPHEMERAL.read_text().split())
    assert not any(first <= loopback.free_port() <= last for _ in range(50))
