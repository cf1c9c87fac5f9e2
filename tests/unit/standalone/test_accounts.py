from pathlib import Path
from typing import Any

from lampkeep_standalone.embedded.accounts import SERVICES, nats_users, passwords


def allowed(account: str, what: str) -> list[str]:
    user: dict[str, Any] = next(one for one in nats_users({account: "secret"}) if one["user"] == account)
    return list(user["permissions"][what]["allow"])


def test_an_account_keeps_its_password_until_it_is_no_longer_known(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    first = passwords(file, ["gw-1"])
    second = passwords(file, ["gw-1", "gw-2"])
    assert second["gw-1"] == first["gw-1"]
    assert second[SERVICES] == first[SERVICES]
    passwords(file, ["gw-2"])
    assert passwords(file, ["gw-1"])["gw-1"] != first["gw-1"]


def test_no_two_accounts_have_one_password(tmp_path: Path) -> None:
    made = passwords(tmp_path / "accounts", [f"gw-{number}" for number in range(100)])
    assert len(set(made.values())) == 101


def test_an_account_with_a_colon_is_read_back_as_it_was(tmp_path: Path) -> None:
    first = passwords(tmp_path / "accounts", ["00:11:22", "a@b.c"])
    assert passwords(tmp_path / "accounts", ["00:11:22", "a@b.c"]) == first


def test_a_name_that_is_a_wildcard_gets_no_account(tmp_path: Path) -> None:
    assert passwords(tmp_path / "accounts", ["*", ">", "+", "#", "", "a b", SERVICES]).keys() == {SERVICES}


def test_an_account_publishes_its_own_topics_only() -> None:
    assert allowed("gw-1", "publish") == [
        "lampkeep.v1.gw-1.*.urgent",
        "lampkeep.v1.gw-1.*.observation",
        "lampkeep.v1.gw-1.*.status",
        "lampkeep.z2m.gw-1",
        "lampkeep.z2m.gw-1.>",
    ]


def test_a_dot_in_an_account_is_no_boundary_of_a_subject() -> None:
    assert "lampkeep.v1.a//b.*.urgent" in allowed("a.b", "publish")
