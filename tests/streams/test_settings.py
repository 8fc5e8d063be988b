from pathlib import Path

import pytest

from streams import settings as settings_module
from streams.settings import BrokerSettings, Settings, SettingsError, known_variables, load_settings


@pytest.fixture(autouse=True)
def in_an_empty_folder_without_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in known_variables():
        monkeypatch.delenv(name, raising=False)


def refusal(**flags) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(**flags)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_variables_of_the_contract_are_settings():
    assert {
        "CLAIMSTREAM_BROKER__BOOTSTRAP",
        "CLAIMSTREAM_BROKER__PREFIX",
        "CLAIMSTREAM_TOKEN_KEY_FILE",
        "CLAIMSTREAM_HTTP__PORT",
        "CLAIMSTREAM_STATE__DIR",
        "CLAIMSTREAM_SOURCES",
        "CLAIMSTREAM_PACKS",
    } <= set(known_variables())


def test_everything_has_a_default():
    assert load_settings() == Settings()
    assert load_settings().broker.client_options() == {"bootstrap_servers": "127.0.0.1:9092"}
    assert load_settings().token_key is None


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CLAIMSTREAM_SOURCE", "CLAIMSTREAM_SOURCES"),
        ("CLAIMSTREAM_BROKER_BOOTSTRAP", "CLAIMSTREAM_BROKER__BOOTSTRAP"),
        ("CLAIMSTREAM_TOKEN_KEY", "CLAIMSTREAM_TOKEN_KEY_FILE"),
        ("CLAIMSTREAM_HTTP_PORT", "CLAIMSTREAM_HTTP__PORT"),
        ("claimstream_pack", "CLAIMSTREAM_PACKS"),
    ],
)
def test_an_unknown_variable_is_an_error_that_names_the_nearest(monkeypatch, name, nearest):
    monkeypatch.setenv(name, "s3cret")

    assert refusal() == f"{name} is not a setting; did you mean {nearest}?"


def test_variables_that_others_read_are_left_alone(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_SHARED", "somewhere")

    assert load_settings() == Settings()


def test_nested_variables_are_read(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_BROKER__PREFIX", "demo.")
    monkeypatch.setenv("CLAIMSTREAM_BROKER__PARTITIONS", "3")
    monkeypatch.setenv("claimstream_http__port", "0")
    monkeypatch.setenv("CLAIMSTREAM_STATE__DIR", "state")
    read = load_settings()

    assert (read.broker.prefix, read.broker.partitions, read.http.port) == ("demo.", 3, 0)
    assert read.state.dir == Path("state")
    assert read.broker.layout().partitions == 3


def test_lists_and_pairs_are_comma_separated(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_SOURCES", "a, b ,,c")
    monkeypatch.setenv("CLAIMSTREAM_TENANTS", "a=north, b = south,")
    monkeypatch.setenv("CLAIMSTREAM_PAYER_ALIASES", "00590=MEDICARE")
    read = load_settings()

    assert read.sources == ("a", "b", "c")
    assert read.tenants == {"a": "north", "b": "south"}
    assert read.payer_aliases == {"00590": "MEDICARE"}


@pytest.mark.parametrize("pairs", ["a", "a=", "=b", "a=b,c"])
def test_a_pair_that_is_none_is_an_error(monkeypatch, pairs):
    monkeypatch.setenv("CLAIMSTREAM_TENANTS", pairs)

    assert "CLAIMSTREAM_TENANTS" in refusal()
    assert "write name=value" in refusal()


def test_a_name_with_two_values_is_an_error(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_PAYER_ALIASES", "a=x,a=x,a=y")

    assert "a stands twice" in refusal()


def test_an_empty_variable_is_an_absent_one(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_PACKS", "")
    monkeypatch.setenv("CLAIMSTREAM_TOKEN_KEY_FILE", "")
    read = load_settings()

    assert (read.packs, read.token_key) == (None, None)


def test_flags_win_over_variables_and_variables_over_the_file(monkeypatch):
    Path("claimstream.toml").write_text(
        'sources = ["f"]\nlog_level = "debug"\n[broker]\nprefix = "file."\ngroup = "file"\npartitions = 2\n'
        '[tenants]\nf = "north"\n'
    )
    monkeypatch.setenv("CLAIMSTREAM_BROKER__PREFIX", "variable.")
    monkeypatch.setenv("CLAIMSTREAM_BROKER__PARTITIONS", "3")
    read = load_settings(broker={"partitions": 4}, packs=Path("flag"))

    assert (read.broker.group, read.broker.prefix, read.broker.partitions) == ("file", "variable.", 4)
    assert (read.sources, read.tenants, read.log_level, read.packs) == (("f",), {"f": "north"}, "debug", Path("flag"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLAIMSTREAM_BROKER__PARTITIONS", "s3cret"),
        ("CLAIMSTREAM_BROKER__PARTITIONS", "0"),
        ("CLAIMSTREAM_HTTP__PORT", "70000"),
        ("CLAIMSTREAM_LOG_LEVEL", "s3cret"),
        ("CLAIMSTREAM_BROKER__ALLOW_PLAINTEXT", "s3cret"),
        ("CLAIMSTREAM_BROKER__BOOTSTRAP", "user:s3cret@host:9092"),
        ("CLAIMSTREAM_BROKER__BOOTSTRAP", "PLAINTEXT://127.0.0.1:9092"),
        ("CLAIMSTREAM_BROKER__BOOTSTRAP", " , "),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_not_shown(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    assert name in refusal()
    assert "s3cret" not in refusal()
    assert "Value error" not in refusal()


def test_an_unknown_entry_of_the_file_names_the_nearest_setting():
    Path("claimstream.toml").write_text('[broker]\nbootstraps = "s3cret"\n')

    assert (
        refusal()
        == "broker.bootstraps in claimstream.toml is not a setting; did you mean CLAIMSTREAM_BROKER__BOOTSTRAP?"
    )


def test_a_file_that_is_not_toml_is_an_error_that_names_the_line():
    Path("claimstream.toml").write_text('sources = ["a"]\nkey = s3cret\n')

    assert refusal() == "claimstream.toml is not TOML at line 2; correct it there"


def test_a_file_that_is_not_utf_8_is_an_error():
    Path("claimstream.toml").write_bytes(b"\xff")

    assert refusal() == "claimstream.toml is not TOML; correct it there"


def test_a_file_that_cannot_be_read_is_an_error(monkeypatch):
    def refusing(_settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(settings_module, "TomlConfigSettingsSource", refusing)

    assert "claimstream.toml cannot be read (Permission denied)" in refusal()


def test_the_token_key_is_what_its_file_holds(monkeypatch):
    Path("key").write_bytes(b" \x01key\n")
    monkeypatch.setenv("CLAIMSTREAM_TOKEN_KEY_FILE", "key")

    assert load_settings().token_key == b"\x01key"
    assert "x01key" not in repr(load_settings())


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), (b" \n", "empty file")])
def test_a_token_key_that_is_not_there_is_an_error_that_names_the_setting(monkeypatch, content, words):
    if content is not None:
        Path("key").write_bytes(content)
    monkeypatch.setenv("CLAIMSTREAM_TOKEN_KEY_FILE", "key")
    read = load_settings()

    with pytest.raises(SettingsError, match=rf"CLAIMSTREAM_TOKEN_KEY_FILE .*{words}"):
        assert read.token_key


@pytest.mark.parametrize(
    "bootstrap",
    [
        "127.0.0.1:9092",
        "127.8.9.1:9092",
        "127.0.0.1",
        "localhost:9092",
        "LOCALHOST",
        "[::1]:9092",
        "::1",
        " 127.0.0.1:9092 , localhost:9093 ,",
    ],
)
def test_unencrypted_connections_to_this_machine_are_allowed(bootstrap):
    options = BrokerSettings(bootstrap=bootstrap).client_options()

    assert " " not in options["bootstrap_servers"]


@pytest.mark.parametrize(
    "bootstrap",
    [
        "kafka.example:9092",
        "10.0.0.1:9092",
        "0.0.0.0:9092",
        "127.evil.example:9092",
        "127.0.0.1.evil.example:9092",
        "localhost.evil.example:9092",
        "localhosts",
        "[2001:db8::1]:9092",
        "2001:db8::1",
        "127.0.0.1:9092,kafka.example:9092",
    ],
)
def test_unencrypted_connections_elsewhere_are_refused_unless_allowed(bootstrap):
    with pytest.raises(SettingsError, match="CLAIMSTREAM_BROKER__ALLOW_PLAINTEXT=true"):
        BrokerSettings(bootstrap=bootstrap).client_options()
    assert BrokerSettings(bootstrap=bootstrap, allow_plaintext=True).client_options()["bootstrap_servers"] == bootstrap


def test_each_of_several_processes_is_a_static_member_of_its_own():
    assert BrokerSettings(group_instance_id="a").as_process(2).group_instance_id == "a-2"
    assert BrokerSettings().as_process(2).group_instance_id is None


def test_a_name_no_group_takes_is_refused(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_BROKER__GROUP_INSTANCE_ID", "a b")

    with pytest.raises(SettingsError, match="CLAIMSTREAM_BROKER__GROUP_INSTANCE_ID"):
        load_settings()
