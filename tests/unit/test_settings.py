"""Settings come from the environment or a file, and a wrong one is named in one line."""

from pathlib import Path

import pytest

from lampkeep.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATABASE_URL", "MQTT_URL", "HTTP", "PUBLIC_URL", "LOG", "LOG_LEVEL", "INSTANCE"):
        monkeypatch.delenv(f"LAMPKEEP_{name}", raising=False)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lampkeep.toml"
    file.write_text('mqtt_url = "mqtt://file:1"\nhttp = "127.0.0.1:9"\n')
    monkeypatch.setenv("LAMPKEEP_CONFIG", str(file))
    monkeypatch.setenv("LAMPKEEP_HTTP", "0.0.0.0:80")
    settings = load()
    assert (settings.mqtt_url, settings.http_address) == ("mqtt://file:1", ("0.0.0.0", 80))


@pytest.mark.parametrize("key", ["database_url", "LAMPKEEP_DATABASE_URL"])
def test_a_key_of_the_file_is_spelled_as_the_variable_or_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    file = tmp_path / "lampkeep.toml"
    file.write_text(f'{key} = "postgresql://file/lampkeep"\n')
    monkeypatch.setenv("LAMPKEEP_CONFIG", str(file))
    assert load().require_database_url() == "postgresql://file/lampkeep"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('databse_url = "postgresql://x"', "'databse_url'"),
        ('LAMPKEEP_DATABSE_URL = "postgresql://x"', "'LAMPKEEP_DATABSE_URL'"),
        ('[database]\nurl = "postgresql://x"', "'database'"),
        ('http = "127.0.0.1:1"\nLAMPKEEP_HTTP = "127.0.0.1:2"', "'LAMPKEEP_HTTP' stands twice"),
        ("LAMPKEEP_LOG = 1", "LAMPKEEP_LOG"),
    ],
)
def test_a_key_of_the_file_that_is_wrong_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    file = tmp_path / "lampkeep.toml"
    file.write_text(text)
    monkeypatch.setenv("LAMPKEEP_CONFIG", str(file))
    with pytest.raises(SettingsError, match=named) as wrong:
        load()
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LAMPKEEP_LOG", "xml", "LAMPKEEP_LOG: "),
        ("LAMPKEEP_LOG_LEVEL", "loud", "LAMPKEEP_LOG_LEVEL: "),
        ("LAMPKEEP_CONFIG", "/no/such/file.toml", "no file"),
        ("LAMPKEEP_INSTANCE", "a.b", "LAMPKEEP_INSTANCE: "),
    ],
)
def test_a_wrong_setting_names_itself(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message) as wrong:
        load()
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://x:hunter2@h/x",
        "postgresql://x:hun%ter2@h/x",
        "postgresql://x:hunter2@[::1/x",
        "postgresql://x:hunter2@[zz]/x",
        "postgresql://x:hunter2@h/x?foo=bar",
        "postgresql://x:hunter2@h /x",
        "postgresql://x:hunter2@h/x ",
        "postgresql://x:hunter2@h:abc/x",
        "postgresql://x:hunter2@h:99999/x",
        "postgresql://x:hunter2@h:1,i:0/x",
        "postgresql://x:a@hunter2@h/x",  # libpq would look for a host hunter2@h, and say so
        "postgresql://x:12/hunter2@h/x",
        " ",
    ],
)
def test_a_database_url_that_is_wrong_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LAMPKEEP_DATABASE_URL", url)
    with pytest.raises(SettingsError, match=r"^LAMPKEEP_DATABASE_URL: (must|only)") as wrong:
        load()
    assert "ter2" not in str(wrong.value)
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///lampkeep?host=/run/postgresql",
        "postgresql://a:1,b:2/lampkeep",
        "postgresql://u:p%40ss@[::1]:5432/lampkeep?sslmode=require",
    ],
)
def test_whatever_libpq_understands_names_a_database(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LAMPKEEP_DATABASE_URL", url)
    assert load().require_database_url() == url


@pytest.mark.parametrize(
    "url",
    [
        "http://x:hunter2@h",
        "mqtt://",
        "mqtt://x:hunter2@:1883",
        "mqtt://x:hunter2@h:abc",
        "mqtt://x:hunter2@h:99999",
        "mqtt://x:hunter2@h:0",
        "mqtt://x:hunter2@[::1",
        "mqtt://x:hunter2@[zz]",
        "mqtt://x:hunter2@h h",
        "mqtt://x:hunter2/@h",
        "mqtt://x:12/hunter2@h",
        "mqtt://x:12?hunter2@h",
    ],
)
def test_a_broker_url_that_is_wrong_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LAMPKEEP_MQTT_URL", url)
    with pytest.raises(SettingsError, match=r"^LAMPKEEP_MQTT_URL: (must|only)") as wrong:
        load()
    assert "ter2" not in str(wrong.value)
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize("url", ["lamp.test", "ftp://lamp.test", "http://", "https://:443", "http://lamp.test:http"])
def test_what_links_begin_with_is_a_web_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LAMPKEEP_PUBLIC_URL", url)
    with pytest.raises(SettingsError, match=r"^LAMPKEEP_PUBLIC_URL: must"):
        load()


def test_an_empty_variable_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lampkeep.toml"
    file.write_text('http = "127.0.0.1:9"\n')
    monkeypatch.setenv("LAMPKEEP_CONFIG", str(file))
    for name in Settings.model_fields:
        monkeypatch.setenv(f"LAMPKEEP_{name.upper()}", "")
    settings = load()
    assert settings.model_fields_set == {"http"}
    assert settings.mqtt_url == "mqtt://127.0.0.1:1883"


def test_a_file_that_is_no_toml_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("http = ")
    monkeypatch.setenv("LAMPKEEP_CONFIG", str(file))
    with pytest.raises(SettingsError, match="LAMPKEEP_CONFIG"):
        load()


def test_a_missing_database_says_what_to_give() -> None:
    with pytest.raises(SettingsError, match="LAMPKEEP_DATABASE_URL is not set"):
        load().require_database_url()
