"""The service Config: reads, changes that are taken all or not at all, and a watch."""
import json

import grpc
import pytest

from process import WAIT_SECONDS_MAX

TIMEOUT = {"timeout": WAIT_SECONDS_MAX}
PATH = "system_settings/mode.operation"


@pytest.fixture
def config(make_ledger):
    """The calls of a ledger whose configuration nobody else changes."""
    return make_ledger().start().config


@pytest.fixture
def messages(stubs):
    """The messages of config.proto."""
    return stubs.config


def apply(config, messages, *edits, **others):
    """Applies (path, value) pairs; the changes."""
    return config.ApplyConfig(messages.ApplyConfigRequest(
        edits=[messages.ConfigEdit(path=path, value=value) for path, value in edits],
        **others), **TIMEOUT).changes


def test_a_value_is_read_changed_listed_and_taken_back(config, messages):
    assert config.GetConfig(messages.GetConfigRequest(path=PATH), **TIMEOUT).value == '"normal"'
    change, = apply(config, messages, (PATH, '"halted"'), reason="a test", actor="ada")
    assert (change.path, change.previous, change.current) == (PATH, "", '"halted"')
    assert (change.actor, change.reason) == ("ada", "a test")
    entry, = config.ListConfig(messages.ListConfigRequest(prefix=PATH), **TIMEOUT).entries
    assert (entry.value, entry.is_default, entry.kind) == ('"halted"', False, "word")
    assert len(config.ListConfig(messages.ListConfigRequest(), **TIMEOUT).entries) > 40
    back, = config.RollbackConfig(
        messages.RollbackConfigRequest(change_id=change.change_id), **TIMEOUT).changes
    assert back.rolls_back == change.change_id
    # Who asks is known where the request does not say.
    assert back.actor.startswith("uid ")
    log = config.ListConfigChanges(
        messages.ListConfigChangesRequest(prefix=PATH), **TIMEOUT).changes
    assert [c.change_id for c in log] == [back.change_id, change.change_id]
    past = config.ListConfig(messages.ListConfigRequest(as_of_us=change.changed_at_us), **TIMEOUT)
    assert [(e.path, e.value) for e in past.entries] == [(PATH, '"halted"')]


def test_edits_are_taken_all_or_not_at_all(config, messages):
    good, bad = ("system_settings/flags.paper_trading", "false"), (PATH, '"fast"')
    with pytest.raises(grpc.RpcError) as refused:
        apply(config, messages, good, bad)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert PATH in refused.value.details() and "reduce_only" in refused.value.details()
    would_be = apply(config, messages, good, dry_run=True)
    assert [c.current for c in would_be] == ["false"]
    assert not config.ListConfigChanges(messages.ListConfigChangesRequest(), **TIMEOUT).changes


@pytest.mark.parametrize("path,code", [
    ("exchanges/none", grpc.StatusCode.NOT_FOUND),
    ("system_settings/no.such", grpc.StatusCode.INVALID_ARGUMENT),
    ("nowhere/x", grpc.StatusCode.INVALID_ARGUMENT), ("", grpc.StatusCode.INVALID_ARGUMENT)])
def test_a_path_that_names_nothing_is_told_so(config, messages, path, code):
    with pytest.raises(grpc.RpcError) as refused:
        config.GetConfig(messages.GetConfigRequest(path=path), **TIMEOUT)
    assert refused.value.code() == code


def test_a_watcher_hears_of_a_change_and_can_go_on_from_any(config, messages):
    watch = config.WatchConfig(messages.WatchConfigRequest(prefix="exchanges", after=-1), **TIMEOUT)
    first = next(watch)
    assert not first.changes and not first.polling
    apply(config, messages, (PATH, '"halted"'))
    apply(config, messages, ("exchanges/okx", json.dumps({"name": "OKX"})))
    heard = next(watch)
    assert [c.path for c in heard.changes] == ["exchanges/okx"]
    watch.cancel()
    again = config.WatchConfig(messages.WatchConfigRequest(after=first.through), **TIMEOUT)
    assert [c.path for c in next(again).changes] == [PATH, "exchanges/okx"]
    again.cancel()
