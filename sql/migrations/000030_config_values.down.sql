-- Why:   undoes 000030_config_values: time spans have no limits again, a connection takes every
--        member whose name does not look like a secret, and errors of constraints show rows.
-- Locks: ACCESS EXCLUSIVE on config.exchanges and config.definitions, and on the other tables of
--        config for the triggers that go, for a moment.
-- Takes: milliseconds.

CREATE OR REPLACE FUNCTION config.unset(path text, reason text DEFAULT NULL)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    change bigint;
    p      record := config.split_path(path);
BEGIN
    IF p.column_name IS NOT NULL AND p.column_name <> 'value' THEN
        RETURN config.set(path, 'null', reason);
    END IF;
    PERFORM set_config('nexus.reason', coalesce(reason, ''), true);
    PERFORM set_config('nexus.rolls_back', '', true);
    change := config.write(path, NULL, true);
    PERFORM set_config('nexus.reason', '', true);
    RETURN change;
END
$function$;

COMMENT ON FUNCTION config.unset(text, text) IS
    'Removes an entry, so that its default holds, or sets one column of it to null. Returns the '
    'number of the change, null if there was nothing. Raises as config.set does, and 23503 for an '
    'entry that facts refer to.';

CREATE OR REPLACE FUNCTION config.write(path text, entry jsonb, is_whole boolean)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    p          record;
    columns    text[];
    unknown    text;
    key_clause text;
    is_there   boolean;
    last_one   bigint;
    this_one   bigint;
    what       text;
    taken      text;
BEGIN
    -- As in config.lock_writers: before anything is read.
    PERFORM pg_advisory_xact_lock(7088416218532263);
    p := config.split_path(path);
    SELECT string_agg(format('t.%I = $1 ->> %L', k.key_column, k.key_column), ' AND ')
      INTO key_clause
      FROM jsonb_object_keys(p.keys) AS k (key_column);
    EXECUTE format('SELECT EXISTS (SELECT FROM config.%I AS t WHERE %s)', p.section, key_clause)
       INTO is_there
      USING p.keys;
    SELECT coalesce(max(l.change_id), 0) INTO last_one FROM config.change_log AS l;

    IF entry IS NULL THEN
        EXECUTE format('DELETE FROM config.%I AS t WHERE %s', p.section, key_clause)
          USING p.keys;
    ELSE
        IF jsonb_typeof(entry) <> 'object' THEN
            PERFORM config.refuse_value(path, entry, 'is no object',
                                        'Give an object of columns, or the path of one column.');
        END IF;
        SELECT array_agg(a.attname::text ORDER BY a.attnum)
          INTO columns
          FROM pg_attribute AS a
         WHERE a.attrelid = format('config.%I', p.section)::regclass
           AND a.attnum > 0
           AND NOT a.attisdropped
           AND NOT p.keys ? a.attname
           AND a.attname NOT IN ('created_at', 'changed_at', 'limit_id');
        SELECT k.name
          INTO unknown
          FROM jsonb_object_keys(entry) AS k (name)
         WHERE k.name <> ALL (columns)
         LIMIT 1;
        IF found THEN
            RAISE EXCEPTION USING
                ERRCODE = 'undefined_column',
                MESSAGE = format('%s: %s has no column %s', path, p.section,
                                 quote_literal(unknown)),
                HINT    = format('Columns are %s.', array_to_string(columns, ', '));
        END IF;
        IF entry = '{}' AND NOT is_whole THEN
            RETURN NULL;
        END IF;
        IF is_there THEN
            -- What a whole entry leaves out becomes null, which a column may refuse.
            -- A value may be null in JSON, which a record of SQL would take for none.
            SELECT string_agg(format(CASE c.name WHEN 'value' THEN '%1$I = $2 -> %1$L'
                                                 ELSE '%1$I = r.%1$I'
                                     END, c.name), ', ')
              INTO what
              FROM unnest(columns) AS c (name)
             WHERE is_whole
                OR entry ? c.name;
            EXECUTE format(
                'UPDATE config.%1$I AS t SET %2$s'
                '  FROM jsonb_populate_record(NULL::config.%1$I, $2) AS r'
                ' WHERE %3$s', p.section, what, key_clause)
              USING p.keys, entry;
        ELSE
            SELECT string_agg(quote_ident(c.name), ', '),
                   string_agg(CASE c.name WHEN 'value' THEN '$1 -> ''value'''
                                          ELSE quote_ident(c.name)
                              END, ', ')
              INTO what, taken
              FROM jsonb_object_keys(p.keys || entry) AS c (name);
            EXECUTE format(
                'INSERT INTO config.%1$I (%2$s)'
                ' SELECT %3$s FROM jsonb_populate_record(NULL::config.%1$I, $1)', p.section, what,
                taken)
              USING p.keys || entry;
        END IF;
    END IF;

    SELECT max(l.change_id)
      INTO this_one
      FROM config.change_log AS l
     WHERE l.change_id > last_one;
    RETURN this_one;
EXCEPTION
    WHEN invalid_text_representation OR numeric_value_out_of_range OR invalid_datetime_format
      OR datetime_field_overflow OR datatype_mismatch THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: %s', path, sqlerrm),
            HINT    = format('The types of its columns: \d config.%s.', split_part(path, '/', 1));
    WHEN not_null_violation THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: a value is missing: %s', path, sqlerrm),
            HINT    = 'Give the whole entry as an object with that column too.';
    WHEN check_violation THEN
        GET STACKED DIAGNOSTICS what = CONSTRAINT_NAME;
        IF what = '' THEN
            RAISE;
        END IF;
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: %s does not hold', path, what),
            HINT    = coalesce((SELECT format('It has to be so: %s', pg_get_constraintdef(k.oid))
                                  FROM pg_constraint AS k
                                 WHERE k.conname = what
                                   AND k.conrelid = to_regclass(
                                           'config.' || split_part(path, '/', 1))),
                               'See the constraints of the table.');
    WHEN foreign_key_violation THEN
        IF entry IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('%s: what it refers to is not there: %s', path, sqlerrm),
                HINT    = 'config.credentials lists the versions of an exchange''s credential.';
        END IF;
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation',
            MESSAGE = format('%s is in use and cannot be removed: %s', path, sqlerrm),
            HINT    = 'Disable it instead: set its column enabled to false.';
END
$function$;

COMMENT ON FUNCTION config.write(text, jsonb, boolean) IS
    'Writes an entry: an object of columns, all of them if whole; null removes it. Returns the '
    'number of the change, null if nothing changed. For config.set and its like.';

COMMENT ON CONSTRAINT exchange_is_plain ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT name_has_1_to_128_characters ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT kind_is_known ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT rest_url_is_encrypted_and_without_secrets ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT ws_url_is_encrypted_and_without_secrets ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT rate_is_positive ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT timeout_is_100_ms_to_5_minutes ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT connection_is_an_object ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT rate_limits_are_an_object ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT rate_limits_are_positive_numbers ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT connection_has_no_secret ON config.exchanges IS NULL;
COMMENT ON CONSTRAINT kind_is_known ON config.risk_limits IS NULL;
COMMENT ON CONSTRAINT scope_has_1_to_64_characters ON config.risk_limits IS NULL;
COMMENT ON CONSTRAINT portfolio_is_of_no_narrower_scope ON config.risk_limits IS NULL;
COMMENT ON CONSTRAINT unit_is_known ON config.risk_limits IS NULL;
COMMENT ON CONSTRAINT hard_limit_is_positive ON config.risk_limits IS NULL;
COMMENT ON CONSTRAINT warning_is_positive_and_below_hard ON config.risk_limits IS NULL;
COMMENT ON CONSTRAINT fraction_is_at_most_one ON config.risk_limits IS NULL;
COMMENT ON CONSTRAINT key_is_plain ON config.system_settings IS NULL;
COMMENT ON CONSTRAINT strategy_is_plain ON config.strategy_parameters IS NULL;
COMMENT ON CONSTRAINT user_name_is_plain ON config.ui_preferences IS NULL;
COMMENT ON CONSTRAINT window_name_is_plain ON config.maintenance_windows IS NULL;
COMMENT ON CONSTRAINT window_ends_after_its_start ON config.maintenance_windows IS NULL;
COMMENT ON CONSTRAINT window_is_of_at_most_7_days ON config.maintenance_windows IS NULL;
COMMENT ON CONSTRAINT scope_is_plain ON config.maintenance_windows IS NULL;
COMMENT ON CONSTRAINT reason_has_1_to_256_characters ON config.maintenance_windows IS NULL;
COMMENT ON CONSTRAINT reason_is_at_most_1024_characters ON config.change_log IS NULL;

COMMENT ON COLUMN config.exchanges.connection IS
    'Further parameters of the connection, an object; no secrets, which are refused by name.';

ALTER TABLE IF EXISTS config.exchanges
    DROP CONSTRAINT IF EXISTS connection_is_of_known_members;

DROP FUNCTION IF EXISTS config.connection_fault(jsonb);

DROP TRIGGER IF EXISTS exchanges_keep_their_truths ON config.exchanges;
DROP TRIGGER IF EXISTS risk_limits_keep_their_truths ON config.risk_limits;
DROP TRIGGER IF EXISTS maintenance_windows_keep_their_truths ON config.maintenance_windows;
DROP TRIGGER IF EXISTS system_settings_keep_their_truths ON config.system_settings;
DROP TRIGGER IF EXISTS strategy_parameters_keep_their_truths ON config.strategy_parameters;
DROP TRIGGER IF EXISTS ui_preferences_keep_their_truths ON config.ui_preferences;
DROP TRIGGER IF EXISTS exchange_credentials_keep_their_truths ON config.exchange_credentials;

DROP FUNCTION IF EXISTS maintenance.keep_truths();

DROP FUNCTION IF EXISTS config.define_interval(
    text, text, jsonb, text, interval, interval, boolean);

CREATE OR REPLACE FUNCTION config.check_value(section text, path text, key text, value jsonb)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    d      config.definitions;
    near   text;
    number numeric;
    needed text;
BEGIN
    SELECT f.*
      INTO d
      FROM config.definitions AS f
     WHERE f.section = check_value.section
       AND f.key = check_value.key;
    IF NOT found THEN
        -- The nearest are those that share most of the beginning.
        SELECT string_agg(n.key, ', ')
          INTO near
          FROM (SELECT f.key
                  FROM config.definitions AS f
                 WHERE f.section = check_value.section
                 ORDER BY (SELECT max(l)
                             FROM generate_series(0, length(f.key)) AS l
                            WHERE left(f.key, l) = left(check_value.key, l)) DESC,
                          f.key
                 LIMIT 5) AS n;
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = format('%s: %s has no key %s', path, section, quote_literal(key)),
            HINT    = format('Known ones are near it: %s. All: SELECT key FROM config.definitions.',
                             near);
    END IF;

    CASE d.kind
        WHEN 'boolean' THEN
            IF jsonb_typeof(value) <> 'boolean' THEN
                PERFORM config.refuse_value(path, value, 'is no boolean', 'Give true or false.');
            END IF;
        WHEN 'integer', 'number' THEN
            needed := format('Give %s%s%s%s%s.',
                             CASE d.kind WHEN 'integer' THEN 'a whole number' ELSE 'a number' END,
                             ' from ' || trim_scale(d.minimum),
                             ' to ' || trim_scale(d.maximum),
                             ' (' || d.unit || ')',
                             ', for example ' || d.default_value::text);
            IF jsonb_typeof(value) <> 'number' THEN
                PERFORM config.refuse_value(path, value, 'is no number', needed);
            END IF;
            number := value::numeric;
            IF d.kind = 'integer' AND number <> trunc(number) THEN
                PERFORM config.refuse_value(path, value, 'is no whole number', needed);
            ELSIF number < d.minimum THEN
                PERFORM config.refuse_value(
                    path, value, format('is below %s', trim_scale(d.minimum)), needed);
            ELSIF number > d.maximum THEN
                PERFORM config.refuse_value(
                    path, value, format('is above %s', trim_scale(d.maximum)), needed);
            END IF;
        WHEN 'text' THEN
            IF jsonb_typeof(value) <> 'string'
            OR length(value #>> '{}') NOT BETWEEN 1 AND 1024 THEN
                PERFORM config.refuse_value(
                    path, value, 'is no text', 'Give a text of 1 to 1024 characters.');
            END IF;
        WHEN 'interval' THEN
            BEGIN
                IF jsonb_typeof(value) = 'null' THEN
                    -- For ever, where the definition has no default or allows it.
                    NULL;
                ELSIF jsonb_typeof(value) <> 'string'
                   OR (value #>> '{}')::interval <= interval '0' THEN
                    PERFORM config.refuse_value(
                        path, value, 'is no time span',
                        'Give a positive one such as "30 days" or "10 minutes", or null for none.');
                END IF;
            EXCEPTION
                WHEN invalid_datetime_format OR interval_field_overflow
                  OR datetime_field_overflow THEN
                    PERFORM config.refuse_value(
                        path, value, 'is no time span',
                        'Give a positive one such as "30 days" or "10 minutes", or null for none.');
            END;
        WHEN 'word' THEN
            IF jsonb_typeof(value) <> 'string'
            OR (value #>> '{}') <> ALL (d.allowed) THEN
                PERFORM config.refuse_value(
                    path, value, 'is not allowed',
                    format('Give one of %s.', array_to_string(d.allowed, ', ')));
            END IF;
        WHEN 'words' THEN
            IF jsonb_typeof(value) <> 'array'
            OR EXISTS (SELECT
                         FROM jsonb_array_elements(
                                  CASE jsonb_typeof(value) WHEN 'array' THEN value END) AS e (one)
                        WHERE jsonb_typeof(e.one) <> 'string'
                           OR (e.one #>> '{}') <> ALL (d.allowed)) THEN
                PERFORM config.refuse_value(
                    path, value, 'is not allowed',
                    format('Give an array of words of %s.', array_to_string(d.allowed, ', ')));
            END IF;
        WHEN 'object' THEN
            IF jsonb_typeof(value) <> 'object' THEN
                PERFORM config.refuse_value(path, value, 'is no object', 'Give a JSON object.');
            END IF;
    END CASE;
END
$function$;

COMMENT ON FUNCTION config.check_value(text, text, text, jsonb) IS
    'Refuses a value that its definition does not take: 42704 for an unknown key, 22023 for a '
    'wrong kind or range, both with a hint that says what would be taken.';

UPDATE config.definitions AS d
   SET description = k.description
  FROM (VALUES
    ('retention.funding.rates',
     'How long rates are kept.'),
    ('retention.funding.snapshots',
     'How long snapshots are kept.'),
    ('retention.funding.rate_revisions',
     'How long corrections of rates are kept.'),
    ('retention.data_collector.ingestion_runs',
     'How long ingestion runs are kept.'),
    ('retention.opportunities.detected',
     'How long opportunities are kept.'),
    ('retention.opportunities.executions',
     'How long executions are kept; not longer than opportunities are.'),
    ('retention.risk.snapshots',
     'How long snapshots are kept.'),
    ('retention.audit.api_calls',
     'How long calls are kept.')
  ) AS k (key, description)
 WHERE d.section = 'system_settings'
   AND d.key = k.key;

ALTER TABLE IF EXISTS config.definitions
    DROP COLUMN IF EXISTS takes_null,
    DROP COLUMN IF EXISTS longest,
    DROP COLUMN IF EXISTS shortest;
