"""Partitions and jobs while the clock moves, with pg_cron and without it."""

import json
import time

import conftest
import pytest

PARENTS = "SELECT parent_table FROM partman.part_config ORDER BY 1"


def ahead(cluster):
    """For each partitioned table, whether a row of now and of tomorrow has its partition."""
    return cluster.sql("""
        SELECT string_agg(k.parent_table, ', ')
          FROM partman.part_config AS k
         CROSS JOIN LATERAL (VALUES (now()), (now() + k.partition_interval::interval)) AS t (at)
         WHERE NOT EXISTS (
               SELECT
                 FROM pg_inherits AS i
                 JOIN pg_class AS c ON c.oid = i.inhrelid
                CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                    'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') AS b (bounds)
                WHERE i.inhparent = to_regclass(k.parent_table)
                  AND t.at >= b.bounds[1]::timestamptz
                  AND t.at < b.bounds[2]::timestamptz)""")


def test_pg_cron_has_every_job(cluster):
    assert cluster.sql("SELECT count(*) FROM maintenance.jobs") == cluster.sql(
        "SELECT count(*) FROM cron.job WHERE jobname LIKE 'nexus %' AND active"
        " AND username = 'nexus_maintainer'")


def test_maintain_does_what_is_due_without_pg_cron(cluster):
    cluster.sql("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname LIKE 'nexus %'")
    deadline = time.monotonic() + 60
    while cluster.sql("SELECT count(*) FROM cron.job_run_details"
                      " WHERE status IN ('starting', 'running')") != "0":
        assert time.monotonic() < deadline, "a job of pg_cron does not end"
    cluster.sql("SELECT positions.ensure_book('main')")
    due = cluster.ledger("maintain", "--list", "--json", user="nexus_maintainer")
    assert len(due.stdout.splitlines()) >= 5
    done = cluster.ledger("maintain", "--json", user="nexus_maintainer")
    outcomes = {line["job"]: line["outcome"] for line in map(json.loads, done.stdout.splitlines())}
    assert set(outcomes.values()) == {"done"}, done.stdout
    again = cluster.ledger("maintain", user="nexus_maintainer")
    assert "partitions" not in again.stdout
    unknown = cluster.ledger("maintain", "nothing", check=False)
    assert unknown.returncode == 5 and "Jobs are" in unknown.stderr


def test_a_job_that_fails_is_an_alert_until_it_is_done(cluster):
    command = cluster.sql("SELECT command FROM maintenance.jobs WHERE job = 'statistics'")
    cluster.sql("UPDATE maintenance.jobs SET command = 'SELECT 1/0' WHERE job = 'statistics'")
    failed = cluster.ledger("maintain", "statistics", check=False)
    assert failed.returncode == 1 and "22012" in failed.stdout
    standing = "SELECT count(*) FROM risk.standing_alerts WHERE type = 'job_failed'"
    assert cluster.sql(standing) == "1"
    cluster.ledger("maintain", "statistics", check=False)
    assert cluster.sql(standing) == "1"
    cluster.sql(f"UPDATE maintenance.jobs SET command = $${command}$$ WHERE job = 'statistics'")
    cluster.ledger("maintain", "statistics")
    assert cluster.sql(standing) == "0"


@pytest.mark.parametrize("clock", ["+1d", "+32d", "+366d", "+800d"])
def test_the_clock_moves_on(cluster, clock):
    if not conftest.FAKETIME.exists():
        pytest.skip("libfaketime is not installed")
    cluster.stop()
    cluster.start(clock)
    try:
        missed = int(cluster.sql("SELECT maintenance.check_jobs()"))
        assert missed >= 1, "no job is missed although none was run"
        assert int(cluster.sql("SELECT count(*) FROM risk.standing_alerts"
                               " WHERE type = 'job_missed'")) == missed
        # An audit record finds its year even before maintenance was done.
        cluster.sql("SELECT audit.record('clock_moved', 'test')", user="nexus_risk")
        done = cluster.ledger("maintain", user="nexus_maintainer")
        assert "failed" not in done.stdout
        assert ahead(cluster) == ""
        assert cluster.sql("SELECT count(*) FROM risk.standing_alerts"
                           " WHERE type = 'job_missed'") == "0"
        assert cluster.sql("""
            SELECT count(*) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
             WHERE pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'""") == "0"
        # Bounds are midnights in UTC.
        assert cluster.sql("""
            SELECT count(*) FROM pg_class AS c JOIN pg_inherits AS i ON i.inhrelid = c.oid
             JOIN partman.part_config AS k ON to_regclass(k.parent_table) = i.inhparent
             WHERE pg_get_expr(c.relpartbound, c.oid) !~ '00:00:00\\+00''\\) TO .*00:00:00\\+00'
            """) == "0"
    finally:
        cluster.stop()
        cluster.start()


def test_retention_detaches_and_drops_only_when_told(cluster):
    cluster.sql("SELECT maintenance.ensure_partitions('audit.api_calls', '2020-05-01',"
                " '2020-06-01')")
    old = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('audit.api_calls_p2020')"
    assert cluster.sql(old) == "1"
    cluster.ledger("maintain", "retention")
    assert cluster.sql(old) == "1"
    assert cluster.sql("SELECT relispartition FROM pg_class"
                       " WHERE oid = 'audit.api_calls_p2020'::regclass") == "f"
    cluster.ledger("maintain", "retention")
    assert cluster.sql(old) == "1"
    cluster.ledger("config", "set", "retention.drop_detached", "true")
    cluster.ledger("maintain", "retention")
    assert cluster.sql(old) == "0"


def test_a_book_that_is_not_there_is_a_failed_job_and_an_alert(cluster):
    cluster.sql("SELECT positions.ensure_book('main')")
    cluster.ledger("config", "set", "risk.book", "mian")
    found = cluster.ledger("maintain", "risk_snapshot", check=False)
    assert "mian" in found.stdout + found.stderr
    assert cluster.sql("SELECT outcome FROM maintenance.runs WHERE job = 'risk_snapshot'"
                       " ORDER BY run_id DESC LIMIT 1") == "failed"
    cluster.ledger("config", "unset", "risk.book")
    cluster.ledger("maintain", "risk_snapshot")


def test_jobs_that_wait_for_a_window_run_in_it(cluster):
    cluster.sql("UPDATE maintenance.jobs SET only_in_window = true WHERE job = 'purge';"
                "UPDATE maintenance.runs SET started_at = now() - interval '25 hours',"
                " ended_at = now() - interval '25 hours' WHERE job = 'purge'")
    due = "SELECT count(*) FROM maintenance.due_jobs() WHERE job = 'purge'"
    assert cluster.sql(due) == "0"
    cluster.ledger("config", "set", "maintenance_windows/test", json.dumps({
        "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z", "reason": "test"}))
    assert cluster.sql(due) == "0"
    cluster.sql("UPDATE config.maintenance_windows SET starts_at = now() - interval '1 hour',"
                " ends_at = now() + interval '1 hour'")
    assert cluster.sql(due) == "1"
    # Alerts that are raised in it wait for its end.
    cluster.sql("SELECT risk.raise_alert('warning', 'test', 'held', 'a test')")
    assert cluster.sql("SELECT is_held FROM risk.alerts WHERE subject = 'held'") == "t"
    assert cluster.sql("SELECT risk.release_held_alerts()") == "0"
    cluster.ledger("config", "unset", "maintenance_windows/test")
    assert cluster.sql("SELECT risk.release_held_alerts()") == "1"


def test_what_others_refer_to_is_detached_after_them(cluster):
    cluster.sql("""
        SELECT config.set('exchanges/binance', '{"name":"Binance"}'),
               config.set('exchanges/bybit', '{"name":"Bybit"}');
        SELECT opportunities.detect('basis', 'BTC', 'binance', 'BTCUSDT', 'bybit', 'BTCUSDT', 70,
                                    '{}', 0.001, detected_at => '2020-03-04Z') AS id \\gset
        SELECT opportunities.advance(:'id', 'qualified');
        SELECT opportunities.start_execution(:'id', 100, 101)""")
    attached = ("SELECT relispartition FROM pg_class"
                " WHERE oid = to_regclass('opportunities.detected_p2020_03')")
    cluster.ledger("config", "set", "retention.drop_detached", "false")
    cluster.ledger("config", "set", "retention.opportunities.executions", "null")
    cluster.ledger("maintain", "retention")
    assert cluster.sql(attached) == "t"
    cluster.ledger("config", "unset", "retention.opportunities.executions")
    cluster.ledger("maintain", "retention")
    assert cluster.sql(attached) == "f"
    for table in ("detected", "executions"):
        assert cluster.sql(f"SELECT count(*) FROM opportunities.{table}_p2020_03") == "1"
