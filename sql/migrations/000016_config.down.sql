-- Why:   undoes 000016_config: the configuration and the log of its changes go. Export it first.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds.

DROP FUNCTION IF EXISTS config.define(
    text, text, text, jsonb, text, text, numeric, numeric, text[]);

DROP FUNCTION IF EXISTS config.begin_change(text);

DROP FUNCTION IF EXISTS config.rollback_to(timestamptz, text, text);

DROP FUNCTION IF EXISTS config.rollback_change(bigint, text);

DROP FUNCTION IF EXISTS config.restore(text, jsonb, text, bigint);

DROP FUNCTION IF EXISTS config.get(text);

DROP FUNCTION IF EXISTS config.unset(text, text);

DROP FUNCTION IF EXISTS config.set(text, jsonb, text);

DROP FUNCTION IF EXISTS config.write(text, jsonb, boolean);

DROP FUNCTION IF EXISTS config.split_path(text);

DROP FUNCTION IF EXISTS config.at(timestamptz);

DROP VIEW IF EXISTS config.entries;

DROP FUNCTION IF EXISTS config.jobs_may_run(timestamptz);

DROP FUNCTION IF EXISTS config.in_maintenance(timestamptz);

DROP FUNCTION IF EXISTS config.parameter(text, text);

DROP FUNCTION IF EXISTS config.setting(text);

DROP TABLE IF EXISTS config.change_log;

DROP TABLE IF EXISTS config.maintenance_windows;

DROP TABLE IF EXISTS config.ui_preferences;

DROP TABLE IF EXISTS config.strategy_parameters;

DROP TABLE IF EXISTS config.system_settings;

DROP FUNCTION IF EXISTS config.check_value(text, text, text, jsonb);

DROP TABLE IF EXISTS config.definitions;

DROP TABLE IF EXISTS config.risk_limits;

DROP TABLE IF EXISTS config.exchanges;

DROP FUNCTION IF EXISTS config.log_change();

DROP FUNCTION IF EXISTS config.check_entry();

DROP FUNCTION IF EXISTS config.path_of(text, jsonb);

DROP FUNCTION IF EXISTS config.lock_writers();

DROP FUNCTION IF EXISTS config.refuse_value(text, jsonb, text, text);

DROP FUNCTION IF EXISTS config.entry_value(text, jsonb);

DROP FUNCTION IF EXISTS config.sections();
