"""The configuration: changed, logged, told, rolled back; secrets that nobody sees."""

import ctypes
import ctypes.util
import json
import subprocess

import conftest
import pytest

KEY = {"NEXUS_CREDENTIAL_KEY": "k" * 20 + "first-key-of-the-test"}
BOTH = KEY | {"NEXUS_CREDENTIAL_KEY_NEW": "k" * 20 + "second-key-of-the-test"}
PLANTED = "PlantedSecret-5f1d6c"


def changes(cluster):
    return int(cluster.sql("SELECT coalesce(max(change_id), 0) FROM config.change_log"))


def test_a_value_is_set_read_logged_and_taken_back(cluster):
    assert cluster.ledger("config", "get", "risk.var_confidence").stdout == "0.99\n"
    cluster.ledger("config", "set", "risk.var_confidence", "0.95", "--reason", "try", "--actor",
                   "ada")
    assert cluster.ledger("config", "get", "risk.var_confidence").stdout == "0.95\n"
    last = json.loads(
        cluster.ledger("config", "history", "risk.var_confidence", "--json").stdout)
    assert (last["actor"], last["previous"], last["current"], last["reason"]) == (
        "ada", None, 0.95, "try")
    cluster.ledger("config", "rollback", "--change", str(last["change_id"]))
    assert cluster.ledger("config", "get", "risk.var_confidence").stdout == "0.99\n"
    back = json.loads(cluster.ledger(
        "config", "history", "risk.var_confidence", "--json").stdout.splitlines()[0])
    assert back["rolls_back"] == last["change_id"]


def test_a_bad_value_is_refused_with_the_cure_and_changes_nothing(cluster):
    before = changes(cluster)
    for path, value, cure in [
            ("risk.var_confidence", "1.5", "from 0.5 to 0.9999"),
            ("risk.var_confidence", "high", "Give a number"),
            ("flags.trading_enabled", "maybe", "Give true or false"),
            ("mode.operation", "fast", "normal, reduce_only, halted"),
            ("retention.funding.rates", "soon", "30 days"),
            ("no.such_key", "1", "Known ones"),
            ("exchanges/nowhere", '{"enabled":true}', "Give the whole entry"),
            ("exchanges/nowhere", '{"nam":"x"}', "Columns are"),
            ("nothing/there", "1", "Sections are"),
            ("exchanges/nowhere", '{"name":"N","connection":{"api_key":"x"}}',
             "connection_has_no_secret")]:
        found = cluster.ledger("config", "set", path, value, check=False)
        assert found.returncode == 2, (path, value, found.stderr)
        assert cure in found.stderr, (path, value, found.stderr)
    assert changes(cluster) == before


def test_an_environment_is_made_like_another_by_its_export(cluster):
    cluster.ledger("config", "set", "exchanges/kraken", '{"name":"Kraken","enabled":true}')
    cluster.ledger("config", "set", "strategy_parameters/basis/min_spread", "0.002")
    document = cluster.ledger("config", "export").stdout
    moment = cluster.sql("SELECT pg_sleep(0.01)") + cluster.sql(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    cluster.ledger("config", "set", "exchanges/kraken/enabled", "false")
    cluster.ledger("config", "unset", "strategy_parameters/basis/min_spread")
    differs = cluster.ledger("config", "diff", "-", stdin=document, check=False)
    assert differs.returncode == 1
    assert "exchanges/kraken  enabled: false → true" in differs.stdout
    preview = cluster.ledger("config", "import", "-", "--prune", "--dry-run", stdin=document)
    assert preview.stdout.count("would be") == 2
    assert cluster.ledger("config", "diff", "-", stdin=document, check=False).returncode == 1
    cluster.ledger("config", "import", "-", "--prune", stdin=document)
    assert cluster.ledger("config", "diff", "-", stdin=document).stdout == "nothing differs\n"
    assert cluster.ledger("config", "export").stdout == document
    assert cluster.ledger("config", "export", "--as-of", moment).stdout == document
    cluster.ledger("config", "set", "exchanges/kraken/timeout_ms", "5000")
    cluster.ledger("config", "rollback", "--to", moment)
    assert cluster.ledger("config", "export").stdout == document


def watch(conninfo, *arguments):
    return subprocess.Popen(
        [conftest.LEDGER, "config", "watch", "--json", *arguments, "--database", conninfo],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_watcher_is_told_at_once_and_behind_a_pooler_within_the_time_to_live(cluster, pooler):
    cluster.ledger("config", "set", "config.cache_ttl_s", "2")
    told, polling = watch(cluster.conninfo()), watch(pooler)
    try:
        assert "by polling" not in told.stderr.readline()
        assert "by polling" in polling.stderr.readline()
        cluster.ledger("config", "set", "flags.opening_enabled", "false")
        for process in (told, polling):
            change = json.loads(process.stdout.readline())
            assert change["path"] == "system_settings/flags.opening_enabled"
            assert change["current"] is False
    finally:
        for process in (told, polling):
            process.terminate()
            process.wait(timeout=30)


def test_a_watcher_outlives_a_restart_of_the_server(cluster):
    cluster.ledger("config", "set", "config.cache_ttl_s", "2")
    process = watch(cluster.conninfo())
    try:
        assert "watching after" in process.stderr.readline()
        cluster.stop()
        cluster.start()
        cluster.ledger("config", "set", "flags.opening_enabled", "true")
        change = json.loads(process.stdout.readline())
        assert change["path"] == "system_settings/flags.opening_enabled"
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_secret_is_found_nowhere(cluster):
    cluster.ledger("config", "set", "exchanges/okx", '{"name":"OKX"}')
    cluster.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    secret = json.dumps({"api_key": PLANTED, "api_secret": PLANTED + "2"})
    stored = cluster.ledger("config", "set", "exchanges/okx/credential", stdin=secret,
                            environment=KEY, user="nexus_config")
    assert "version 1" in stored.stdout
    # Refused ones too: a wrong key, an exchange that is not there, one that is too long.
    for exchange, text in [("nowhere", secret), ("okx", PLANTED * 2000)]:
        refused = cluster.ledger("config", "set", f"exchanges/{exchange}/credential", stdin=text,
                                 environment=KEY, user="nexus_config", check=False)
        assert refused.returncode != 0
        assert PLANTED not in refused.stderr
    cluster.ledger("config", "rotate-key", environment=BOTH, user="nexus_config")
    new = BOTH["NEXUS_CREDENTIAL_KEY_NEW"]
    # The service that may reads it, with parameters as a driver sends them.
    opened = decrypt(cluster, new)
    assert json.loads(opened)["api_key"] == PLANTED

    # The log first: what looks for the secret in the views names it in the log.
    text = cluster.log_text()
    assert "config.store_credential" in text, "the log is not as chatty as it is meant to be"
    assert "Query Text" in text, "auto_explain says nothing"
    assert "AUDIT:" in text, "pgaudit says nothing"
    for word in (PLANTED, KEY["NEXUS_CREDENTIAL_KEY"], new):
        assert word not in text, word
    views = cluster.sql(
        "SELECT string_agg(format('%I.%I', schemaname, viewname), ' ') FROM pg_views"
        " WHERE schemaname = 'pg_catalog' AND viewname ~ '^pg_stat'"
        "    OR viewname IN ('pg_stat_statements', 'pg_stat_statements_info')").split()
    tables = cluster.sql(
        "SELECT string_agg(format('%I.%I', n.nspname, c.relname), ' ') FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
        " AND n.nspname IN ('config', 'audit', 'auth', 'risk', 'maintenance')").split()
    assert "public.pg_stat_statements" in views and "config.change_log" in tables
    for name in views + tables:
        for word in (PLANTED, new):
            found = cluster.sql(
                f"SELECT count(*) FROM {name} AS t"
                f" WHERE strpos(t::text, '{word[:9]}' || '{word[9:]}') > 0")
            assert found == "0", (name, word)
    for file in cluster.data.rglob("*"):
        if file.is_file() and file.suffix in {".stat", ".tmp"}:
            assert PLANTED.encode() not in file.read_bytes(), file


def decrypt(cluster, key, user="nexus_positions"):
    """As a service does: asks, commits, opens, with bound parameters."""
    pq = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
    for name in ("PQconnectdb", "PQexecParams"):
        getattr(pq, name).restype = ctypes.c_void_p
    pq.PQgetvalue.restype = ctypes.c_char_p
    pq.PQresultErrorMessage.restype = ctypes.c_char_p
    connection = ctypes.c_void_p(pq.PQconnectdb(cluster.conninfo(user).encode()))

    def call(sql, *values):
        array = (ctypes.c_char_p * max(len(values), 1))(*[v.encode() for v in values])
        result = ctypes.c_void_p(pq.PQexecParams(
            connection, sql.encode(), len(values), None, array, None, None, 0))
        assert pq.PQresultStatus(result) in (1, 2), pq.PQresultErrorMessage(result)
        return (pq.PQgetvalue(result, 0, 0) or b"").decode()

    try:
        request = call("SELECT config.request_credential($1, $2)", "okx", "test")
        call("BEGIN")
        secret = call("CALL config.open_credential($1, $2, NULL)", request, key)
        # Once: not even after the first time was taken back.
        call("ROLLBACK")
        with pytest.raises(AssertionError, match="was opened already"):
            call("CALL config.open_credential($1, $2, NULL)", request, key)
        again = call("SELECT config.request_credential($1, $2)", "okx", "again")
        assert call("CALL config.open_credential($1, $2, NULL)", again, key) == secret
        return secret
    finally:
        pq.PQfinish(connection)


def test_each_decryption_is_in_the_audit_and_cannot_be_rolled_back_out_of_it(cluster):
    new = BOTH["NEXUS_CREDENTIAL_KEY_NEW"]
    before = int(cluster.sql("SELECT count(*) FROM audit.actions"
                             " WHERE action = 'credential_decrypted'"))
    decrypt(cluster, new)
    after = cluster.sql("SELECT count(*), max(db_role) FROM audit.actions"
                        " WHERE action = 'credential_decrypted'"
                        "   AND request ->> 'purpose' = 'test'").split("|")
    assert int(cluster.sql("SELECT count(*) FROM audit.actions"
                           " WHERE action = 'credential_decrypted'")) == before + 2
    assert after[1] == "nexus_positions"
    refused = cluster.sql(
        "BEGIN; SELECT config.request_credential('okx', 'in secret') AS r \\gset\n"
        f"CALL config.open_credential(:r, '{'x' * 40}', NULL);", user="nexus_positions",
        check=False)
    assert "opens no credential" in refused
    for user in ("nexus_config", "nexus_analyst", "nexus_risk", "nexus_backup", "nexus_auditor"):
        assert "permission denied" in cluster.sql(
            "SELECT config.request_credential('okx', 'x')", user=user, check=False), user
        if user != "nexus_backup":
            assert "permission denied" in cluster.sql(
                "SELECT cipher FROM config.exchange_credentials", user=user, check=False), user


def test_an_interrupted_rotation_goes_on(cluster):
    third = {"NEXUS_CREDENTIAL_KEY": BOTH["NEXUS_CREDENTIAL_KEY_NEW"],
             "NEXUS_CREDENTIAL_KEY_NEW": "k" * 20 + "third-key-of-the-test"}
    for number in range(3):
        cluster.ledger("config", "set", "exchanges/okx/credential", stdin=f"secret {number}",
                       environment=third)
    # What an interrupted one leaves: some under the new key, the others under the old one.
    cluster.sql(
        f"CALL config.rotate_credentials('{third['NEXUS_CREDENTIAL_KEY']}',"
        f" '{third['NEXUS_CREDENTIAL_KEY_NEW']}', 2, NULL)", user="nexus_config")
    assert cluster.sql("SELECT count(DISTINCT key_id) FROM config.credentials") == "2"
    cluster.ledger("config", "rotate-key", environment=third)
    assert cluster.sql("SELECT count(DISTINCT key_id) FROM config.credentials") == "1"
    assert decrypt(cluster, third["NEXUS_CREDENTIAL_KEY_NEW"]) == "secret 2"
    wrong = cluster.ledger("config", "rotate-key", environment=KEY | {
        "NEXUS_CREDENTIAL_KEY_NEW": "k" * 40}, check=False)
    assert wrong.returncode == 2 and "is under the key" in wrong.stderr


def test_an_import_says_what_it_leaves_and_disables_what_facts_refer_to(cluster):
    cluster.ledger("config", "set", "exchanges/okx/enabled", "true")
    document = json.loads(cluster.ledger("config", "export").stdout)
    entries = document["entries"]
    # A column that is not named stays; what is each environment's own is left and told.
    entries["exchanges/okx"] = {"name": entries["exchanges/okx"]["name"], "credential_version": 1}
    entries["system_settings/mode.environment"] = "production"
    same = cluster.ledger("config", "diff", "-", stdin=json.dumps(document))
    assert same.stdout.strip() == "nothing differs"
    assert "exchanges/okx/credential_version" in same.stderr
    assert "system_settings/mode.environment" in same.stderr
    del entries["exchanges/okx"]
    text = json.dumps(document)
    enabled = "SELECT enabled FROM config.exchanges WHERE exchange = 'okx'"
    cluster.ledger("config", "import", "-", "--prune", "--dry-run", stdin=text)
    assert cluster.sql(enabled) == "t"
    cluster.ledger("config", "import", "-", "--prune", stdin=text)
    assert cluster.sql(enabled) == "f"
    again = cluster.ledger("config", "import", "-", "--prune", stdin=text)
    assert "exchanges/okx stays, disabled" in again.stderr


def test_a_role_that_may_not_is_told_so(cluster):
    found = cluster.ledger("config", "set", "flags.trading_enabled", "true", user="nexus_risk",
                           check=False)
    assert found.returncode == 1 and "nexus_config" in found.stderr
    assert cluster.ledger("config", "get", "flags.trading_enabled", user="nexus_risk").stdout \
        == "false\n"


def test_the_changes_of_writers_at_once_are_all_logged_in_one_order(cluster):
    before = changes(cluster)
    writers = [subprocess.Popen(
        [conftest.LEDGER, "config", "set", "risk.var_window_days", str(100 + number),
         "--database", cluster.conninfo()], stdout=subprocess.DEVNULL) for number in range(8)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 8
    log = [json.loads(line) for line in cluster.ledger(
        "config", "history", "risk.var_window_days", "--json", "--limit", "8").stdout.splitlines()]
    assert len(log) == 8 and log[-1]["change_id"] > before
    for newer, older in zip(log, log[1:]):
        assert newer["previous"] == older["current"]
        assert newer["changed_at"] >= older["changed_at"]


def test_ddl_and_roles_are_in_the_server_s_log(cluster):
    cluster.sql("SET ROLE nexus_owner; CREATE TABLE risk.audited (id int);"
                " DROP TABLE risk.audited; RESET ROLE; GRANT nexus_reader TO nexus_backup;"
                " REVOKE nexus_reader FROM nexus_backup", user="postgres")
    cluster.sql("ALTER ROLE nexus_migrator SET pgaudit.log TO DEFAULT")
    cluster.sql("CREATE TABLE risk.audited_too (id int); DROP TABLE risk.audited_too",
                user="nexus_migrator")
    text = cluster.log_text()
    for words in ("DDL,CREATE TABLE", "risk.audited_too", "ROLE,GRANT"):
        assert any("AUDIT:" in line and words in line for line in text.splitlines()), words
