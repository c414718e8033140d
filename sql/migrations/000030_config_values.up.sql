-- Why:   what the configuration takes, and what it says when it refuses. A time span had no limits
--        and took null, so that a snapshot was empty, retention failed for all tables or detached
--        the rows of today; removing what is not known answered "it is so already"; a refusal
--        showed the text of a CHECK, and the server's own one the row with what was in it; and a
--        connection took every member whose name did not look like a secret.
-- Locks: ACCESS EXCLUSIVE on config.exchanges and config.definitions, and SHARE ROW EXCLUSIVE on
--        the other tables of config, for a moment.
-- Takes: milliseconds: the tables have some hundred rows.
--
-- What is set stays as it is. A time span that would be refused now is named in a WARNING; an
-- exchange whose connection would be is named by an error and mended first, since what it holds may
-- be a secret.

ALTER TABLE config.definitions
    ADD COLUMN IF NOT EXISTS shortest interval
        CONSTRAINT shortest_span_is_positive
        CHECK (shortest > interval '0'),
    ADD COLUMN IF NOT EXISTS longest interval
        CONSTRAINT longest_span_is_not_below_the_shortest
        CHECK (longest >= shortest),
    ADD COLUMN IF NOT EXISTS takes_null boolean NOT NULL
        DEFAULT false
        CONSTRAINT limits_of_spans_are_of_intervals
        CHECK (kind = 'interval'
            OR (shortest IS NULL
            AND longest IS NULL
            AND NOT takes_null));

COMMENT ON COLUMN config.definitions.shortest IS
    'Least value of an interval; null for other kinds, and for 1 microsecond.';
COMMENT ON COLUMN config.definitions.longest IS
    'Greatest value of an interval; null for other kinds, and for 100 years.';
COMMENT ON COLUMN config.definitions.takes_null IS
    'Whether an interval may be null; its description says what that means.';

CREATE OR REPLACE FUNCTION config.check_value(section text, path text, key text, value jsonb)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
    SET intervalstyle = 'postgres_verbose'
AS $function$
DECLARE
    d      config.definitions;
    near   text;
    number numeric;
    span   interval;
    low    text;
    high   text;
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
            low  := ltrim(coalesce(d.shortest, interval '1 microsecond')::text, '@ ');
            high := ltrim(coalesce(d.longest, interval '100 years')::text, '@ ');
            needed := format('Give a time span from %s to %s, such as "30 days".%s', low, high,
                             CASE WHEN d.takes_null THEN ' Null is taken too: ' || d.description
                                  ELSE ''
                             END);
            IF jsonb_typeof(value) = 'null' AND d.takes_null THEN
                RETURN;
            END IF;
            IF jsonb_typeof(value) <> 'string' THEN
                PERFORM config.refuse_value(path, value, 'is no time span', needed);
            END IF;
            BEGIN
                span := (value #>> '{}')::interval;
            EXCEPTION
                WHEN invalid_datetime_format OR interval_field_overflow
                  OR datetime_field_overflow THEN
                    PERFORM config.refuse_value(path, value, 'is no time span', needed);
            END;
            IF span < coalesce(d.shortest, interval '1 microsecond') THEN
                PERFORM config.refuse_value(path, value, format('is below %s', low), needed);
            ELSIF span > coalesce(d.longest, interval '100 years') THEN
                PERFORM config.refuse_value(path, value, format('is above %s', high), needed);
            END IF;
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

CREATE OR REPLACE FUNCTION config.define_interval(
        section text, key text, default_value jsonb, description text, shortest interval,
        longest interval, takes_null boolean DEFAULT false)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    PERFORM config.define(section, key, 'interval', NULL, description);
    UPDATE config.definitions AS d
       SET shortest = define_interval.shortest,
           longest = define_interval.longest,
           takes_null = define_interval.takes_null
     WHERE d.section = define_interval.section
       AND d.key = define_interval.key;
    -- Again, since a default is checked against what it may be.
    PERFORM config.define(section, key, 'interval', default_value, description);
END
$function$;

COMMENT ON FUNCTION config.define_interval(
    text, text, jsonb, text, interval, interval, boolean) IS
    'Defines a key that is a time span, or defines it anew: its default has to be between the '
    'shortest and the longest. Null is a value only if takes_null; then the description has to say '
    'what it means. For migrations.';

REVOKE ALL
    ON FUNCTION config.define_interval(text, text, jsonb, text, interval, interval, boolean)
    FROM PUBLIC;

SELECT config.define_interval('system_settings', k.key, k.value::jsonb, k.description,
                              k.shortest::interval, interval '100 years', k.takes_null)
  FROM (VALUES
    ('funding.snapshot_age_max', '"10 minutes"',
     'A rate is left out of a snapshot once its next settlement is overdue by more.',
     '1 second', false),
    ('retention.funding.rates', '"180 days"',
     'How long rates are kept; null for ever.',
     '1 day', true),
    ('retention.funding.snapshots', '"1 year"',
     'How long snapshots are kept; null for ever.',
     '1 day', true),
    ('retention.funding.rate_revisions', '"180 days"',
     'How long corrections of rates are kept; null for ever.',
     '1 day', true),
    ('retention.data_collector.ingestion_runs', '"1 year"',
     'How long ingestion runs are kept; null for ever.',
     '1 day', true),
    ('retention.opportunities.detected', '"2 years"',
     'How long opportunities are kept; null for ever.',
     '1 day', true),
    ('retention.opportunities.executions', '"2 years"',
     'How long executions are kept, not longer than opportunities are; null for ever.',
     '1 day', true),
    ('retention.risk.snapshots', '"2 years"',
     'How long snapshots are kept; null for ever.',
     '1 day', true),
    ('retention.audit.actions', NULL,
     'How long actions are kept; null for ever.',
     '1 day', true),
    ('retention.audit.api_calls', '"2 years"',
     'How long calls are kept; null for ever.',
     '1 day', true)
  ) AS k (key, value, description, shortest, takes_null);

-- What is set stays; who set it is told.
DO $do$
DECLARE
    s record;
BEGIN
    FOR s IN
        SELECT format('system_settings/%s', t.key) AS path, t.key, t.value
          FROM config.system_settings AS t
          JOIN config.definitions AS d
            ON d.section = 'system_settings'
           AND d.key = t.key
           AND d.kind = 'interval'
         ORDER BY t.key
    LOOP
        BEGIN
            PERFORM config.check_value('system_settings', s.path, s.key, s.value);
        EXCEPTION
            WHEN invalid_parameter_value THEN
                RAISE WARNING '%; it stays, but would be refused now: set another value', sqlerrm;
        END;
    END LOOP;
END
$do$;

-- Refusals without the row.

CREATE OR REPLACE FUNCTION maintenance.keep_truths()
    RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    cases    text;
    missing text;
    broken   text;
BEGIN
    SELECT coalesce(string_agg(format('WHEN %I IS NULL THEN %L', a.attname, a.attname), ' '
                               ORDER BY a.attnum), 'WHEN false THEN NULL')
      INTO cases
      FROM pg_attribute AS a
     WHERE a.attrelid = tg_relid
       AND a.attnum > 0
       AND a.attnotnull
       AND a.attgenerated = ''
       AND NOT a.attisdropped;
    EXECUTE format('SELECT CASE %s END FROM (SELECT ($1).*) AS t', cases)
       INTO missing
      USING new;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'not_null_violation',
            MESSAGE = format('null value in column "%s" of relation "%s" violates not-null '
                             'constraint', missing, tg_table_name),
            HINT    = 'Give a value for that column.',
            SCHEMA  = tg_table_schema,
            TABLE   = tg_table_name,
            COLUMN  = missing;
    END IF;
    SELECT coalesce(string_agg(format('WHEN NOT (%s) THEN %L',
                                      pg_get_expr(k.conbin, k.conrelid), k.conname),
                               ' ' ORDER BY k.conname), 'WHEN false THEN NULL')
      INTO cases
      FROM pg_constraint AS k
     WHERE k.conrelid = tg_relid
       AND k.contype = 'c';
    EXECUTE format('SELECT CASE %s END FROM (SELECT ($1).*) AS t', cases)
       INTO broken
      USING new;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE    = 'check_violation',
            MESSAGE    = format('%s.%s: %s does not hold', tg_table_schema, tg_table_name, broken),
            HINT       = (SELECT coalesce(obj_description(k.oid, 'pg_constraint'),
                                          'It has to be so: ' || pg_get_constraintdef(k.oid))
                            FROM pg_constraint AS k
                           WHERE k.conrelid = tg_relid
                             AND k.conname = broken),
            SCHEMA     = tg_table_schema,
            TABLE      = tg_table_name,
            CONSTRAINT = broken;
    END IF;
    RETURN new;
END
$function$;

COMMENT ON FUNCTION maintenance.keep_truths() IS
    'Trigger: refuses a row that breaks a NOT NULL or a CHECK of its table, with the same SQLSTATE '
    'and the name of the constraint, and its comment as the cure; but without the row, which the '
    'server would show and write into its log, and which may hold a secret.';

REVOKE ALL
    ON FUNCTION maintenance.keep_truths()
    FROM PUBLIC;

DO $do$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT s.section FROM config.sections() AS s UNION ALL SELECT 'exchange_credentials'
    LOOP
        -- By name after those that check values, which say more.
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER %1$s_keep_their_truths'
            '    BEFORE INSERT OR UPDATE'
            '    ON config.%1$s'
            '    FOR EACH ROW'
            '    EXECUTE FUNCTION maintenance.keep_truths()', name);
        EXECUTE format(
            'COMMENT ON TRIGGER %1$s_keep_their_truths ON config.%1$s IS %2$L', name,
            'Refuses what a constraint would, without the row in the error.');
    END LOOP;
END
$do$;

-- What a connection may hold.

CREATE OR REPLACE FUNCTION config.connection_fault(connection jsonb)
    RETURNS text
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT CASE WHEN m.kind IS NULL THEN format('it has no member "%s"', left(e.key, 64))
                ELSE format('its member "%s" is no %s', e.key, m.kind)
           END
      FROM jsonb_each(CASE jsonb_typeof(connection) WHEN 'object' THEN connection END) AS e
      LEFT JOIN (VALUES ('connect_timeout_ms', 'time in milliseconds'),
                        ('read_timeout_ms', 'time in milliseconds'),
                        ('recv_window_ms', 'time in milliseconds'),
                        ('ping_interval_ms', 'time in milliseconds'),
                        ('pong_timeout_ms', 'time in milliseconds'),
                        ('reconnect_delay_ms', 'time in milliseconds'),
                        ('reconnect_delay_max_ms', 'time in milliseconds'),
                        ('api_version', 'number'),
                        ('connections_max', 'number'),
                        ('subscriptions_max', 'number'),
                        ('burst_requests_max', 'number'),
                        ('retries_max', 'number'),
                        ('testnet', 'boolean'),
                        ('compression', 'boolean'),
                        ('keep_alive', 'boolean'),
                        ('rest_public_url', 'URL without secrets'),
                        ('rest_private_url', 'URL without secrets'),
                        ('rest_testnet_url', 'URL without secrets'),
                        ('ws_public_url', 'URL without secrets'),
                        ('ws_private_url', 'URL without secrets'),
                        ('ws_testnet_url', 'URL without secrets'))
           AS m (member, kind)
        ON m.member = e.key
     WHERE NOT coalesce(
           CASE m.kind
               WHEN 'time in milliseconds' THEN
                   CASE jsonb_typeof(e.value) WHEN 'number' THEN
                        e.value::numeric BETWEEN 1 AND 86400000 END
               WHEN 'number' THEN
                   CASE jsonb_typeof(e.value) WHEN 'number' THEN
                        e.value::numeric BETWEEN 0 AND 1000000 END
               WHEN 'boolean' THEN jsonb_typeof(e.value) = 'boolean'
               WHEN 'URL without secrets' THEN
                   CASE jsonb_typeof(e.value) WHEN 'string' THEN
                        e.value #>> '{}' ~ '^(https|wss)://[^@?#[:space:]]+$'
                    AND length(e.value #>> '{}') <= 512 END
           END, false)
     ORDER BY e.key
     LIMIT 1
$function$;

COMMENT ON FUNCTION config.connection_fault(jsonb) IS
    'What is wrong with the connection of an exchange: the first member that is not known or not '
    'of its kind, without its value, which may be a secret; null if nothing is.';

REVOKE ALL
    ON FUNCTION config.connection_fault(jsonb)
    FROM PUBLIC;

DO $do$
DECLARE
    faults text;
BEGIN
    SELECT string_agg(format('exchanges/%s: %s', e.exchange, config.connection_fault(e.connection)),
                      ', ' ORDER BY e.exchange)
      INTO faults
      FROM config.exchanges AS e
     WHERE config.connection_fault(e.connection) IS NOT NULL;
    IF faults IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = format('the connection of an exchange holds what it may not: %s', faults),
            HINT    = 'Set exchanges/NAME/connection without it, and migrate again. If it is a '
                      'secret, make a new one at the exchange: config.change_log keeps this one.';
    END IF;
    IF NOT EXISTS (SELECT
                     FROM pg_catalog.pg_constraint AS k
                    WHERE k.conrelid = 'config.exchanges'::regclass
                      AND k.conname = 'connection_is_of_known_members') THEN
        ALTER TABLE config.exchanges
            ADD CONSTRAINT connection_is_of_known_members
            CHECK (config.connection_fault(connection) IS NULL);
    END IF;
END
$do$;

COMMENT ON COLUMN config.exchanges.connection IS
    'Further parameters of the connection, an object of known members: times, numbers, switches '
    'and URLs, see the constraint connection_is_of_known_members; no secrets.';

-- What to do about each refusal that a user can meet: config.write answers it as HINT.

COMMENT ON CONSTRAINT exchange_is_plain ON config.exchanges IS
    'Name it in 1 to 64 characters of [a-z0-9_.-], the first a letter or a digit.';
COMMENT ON CONSTRAINT name_has_1_to_128_characters ON config.exchanges IS
    'Give a name of 1 to 128 characters.';
COMMENT ON CONSTRAINT kind_is_known ON config.exchanges IS
    'Give centralized or decentralized.';
COMMENT ON CONSTRAINT rest_url_is_encrypted_and_without_secrets ON config.exchanges IS
    'Give an https URL without user, password and query. Secrets are stored with `nexus-ledger '
    'config set exchanges/NAME/credential`.';
COMMENT ON CONSTRAINT ws_url_is_encrypted_and_without_secrets ON config.exchanges IS
    'Give a wss URL without user, password and query. Secrets are stored with `nexus-ledger '
    'config set exchanges/NAME/credential`.';
COMMENT ON CONSTRAINT rate_is_positive ON config.exchanges IS
    'Give requests_per_second above 0 and at most 10000.';
COMMENT ON CONSTRAINT timeout_is_100_ms_to_5_minutes ON config.exchanges IS
    'Give timeout_ms in milliseconds, from 100 to 300000.';
COMMENT ON CONSTRAINT connection_is_an_object ON config.exchanges IS
    'Give a JSON object, such as {"recv_window_ms": 5000}.';
COMMENT ON CONSTRAINT rate_limits_are_an_object ON config.exchanges IS
    'Give a JSON object of requests a second, such as {"orders": 5}.';
COMMENT ON CONSTRAINT rate_limits_are_positive_numbers ON config.exchanges IS
    'Give for each endpoint requests a second above 0, such as {"orders": 5}.';
COMMENT ON CONSTRAINT connection_has_no_secret ON config.exchanges IS
    'A connection holds no secrets: store them with `nexus-ledger config set '
    'exchanges/NAME/credential`, which reads them from standard input and encrypts them.';
COMMENT ON CONSTRAINT connection_is_of_known_members ON config.exchanges IS
    'Members are connect_timeout_ms, read_timeout_ms, recv_window_ms, ping_interval_ms, '
    'pong_timeout_ms, reconnect_delay_ms, reconnect_delay_max_ms (numbers from 1 to 86400000), '
    'api_version, connections_max, subscriptions_max, burst_requests_max, retries_max (numbers '
    'from 0 to 1000000), testnet, compression, keep_alive (true or false), rest_public_url, '
    'rest_private_url, rest_testnet_url, ws_public_url, ws_private_url, ws_testnet_url (https '
    'or wss, without user, password and query). Main URLs, timeout_ms, requests_per_second and '
    'rate_limits are columns. Secrets are stored with `nexus-ledger config set '
    'exchanges/NAME/credential`; another member takes a migration.';
COMMENT ON CONSTRAINT kind_is_known ON config.risk_limits IS
    'Give position_size, venue_exposure, asset_concentration, portfolio_exposure, '
    'portfolio_drawdown or portfolio_var.';
COMMENT ON CONSTRAINT scope_has_1_to_64_characters ON config.risk_limits IS
    'Give a venue, an asset or a strategy of 1 to 64 characters of [A-Za-z0-9_.:-], or * for '
    'each that has no limit of its own.';
COMMENT ON CONSTRAINT portfolio_is_of_no_narrower_scope ON config.risk_limits IS
    'Give * as scope: the portfolio is one.';
COMMENT ON CONSTRAINT unit_is_known ON config.risk_limits IS
    'Give usd or fraction.';
COMMENT ON CONSTRAINT hard_limit_is_positive ON config.risk_limits IS
    'Give a number above 0 for hard.';
COMMENT ON CONSTRAINT warning_is_positive_and_below_hard ON config.risk_limits IS
    'Give a number above 0 and below hard for warning, or null for no warning; change both at '
    'once as an object.';
COMMENT ON CONSTRAINT fraction_is_at_most_one ON config.risk_limits IS
    'Give hard as a fraction of at most 1, or usd as unit.';
COMMENT ON CONSTRAINT key_is_plain ON config.system_settings IS
    'Give a key of words of [a-z0-9_] with dots between, such as risk.var_confidence.';
COMMENT ON CONSTRAINT strategy_is_plain ON config.strategy_parameters IS
    'Name the strategy in 1 to 64 characters of [a-z0-9_.-], or * for all.';
COMMENT ON CONSTRAINT user_name_is_plain ON config.ui_preferences IS
    'Name the user in 1 to 64 characters of [a-z0-9_.-], or * for all.';
COMMENT ON CONSTRAINT window_name_is_plain ON config.maintenance_windows IS
    'Name the window in 1 to 64 characters of [a-z0-9_.-], the first a letter or a digit.';
COMMENT ON CONSTRAINT window_ends_after_its_start ON config.maintenance_windows IS
    'Give an end after the start, both finite; change both at once as an object.';
COMMENT ON CONSTRAINT window_is_of_at_most_7_days ON config.maintenance_windows IS
    'Give an end at most 7 days after the start, or make several windows.';
COMMENT ON CONSTRAINT scope_is_plain ON config.maintenance_windows IS
    'Give a service or an exchange of 1 to 64 characters of [a-z0-9_.-], or * for all.';
COMMENT ON CONSTRAINT reason_has_1_to_256_characters ON config.maintenance_windows IS
    'Give a reason of 1 to 256 characters.';
COMMENT ON CONSTRAINT reason_is_at_most_1024_characters ON config.change_log IS
    'Give a reason of at most 1024 characters.';

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
    its_table  text;
    its_schema text;
    fault      text;
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
        GET STACKED DIAGNOSTICS what       = CONSTRAINT_NAME,
                                its_table  = TABLE_NAME,
                                its_schema = SCHEMA_NAME;
        IF what = '' THEN
            RAISE;
        END IF;
        IF what = 'connection_is_of_known_members' THEN
            fault := config.connection_fault(entry -> 'connection');
        END IF;
        -- The cure is the comment of the constraint.
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: %s does not hold', path, what) || coalesce(': ' || fault, ''),
            HINT    = coalesce((SELECT coalesce(obj_description(k.oid, 'pg_constraint'),
                                                format('It has to be so: %s',
                                                       pg_get_constraintdef(k.oid)))
                                  FROM pg_constraint AS k
                                 WHERE k.conname = what
                                   AND k.conrelid = to_regclass(format('%I.%I', its_schema,
                                                                       its_table))),
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

CREATE OR REPLACE FUNCTION config.unset(path text, reason text DEFAULT NULL)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    change    bigint;
    p         record := config.split_path(path);
    entry     text;
    is_single boolean;
    is_there  boolean;
BEGIN
    -- As in config.lock_writers: before anything is read.
    PERFORM pg_advisory_xact_lock(7088416218532263);
    entry := p.section || '/' || (SELECT string_agg(p.keys ->> k.key_column, '/' ORDER BY k.place)
                                    FROM config.sections() AS s
                                   CROSS JOIN LATERAL unnest(s.key_columns) WITH ORDINALITY
                                         AS k (key_column, place)
                                   WHERE s.section = p.section);
    SELECT s.value_column IS NOT NULL
      INTO is_single
      FROM config.sections() AS s
     WHERE s.section = p.section;
    -- What is removed already is known by the log of changes, what is not set by its definition.
    is_there := EXISTS (SELECT FROM config.change_log AS l WHERE l.path = entry)
             OR EXISTS (SELECT
                          FROM config.entries AS e
                         WHERE e.section = p.section
                           AND e.path = entry);
    IF NOT is_there AND is_single THEN
        is_there := EXISTS (SELECT
                              FROM config.definitions AS d
                             WHERE d.section = p.section
                               AND d.key = p.keys ->> 'key');
    END IF;
    IF NOT is_there THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('%s: there is no such entry', entry),
            HINT    = CASE WHEN is_single THEN
                               format('SELECT key FROM config.definitions WHERE section = %L lists '
                                      'those that may be.', p.section)
                           ELSE
                               format('SELECT path FROM config.entries WHERE section = %L lists '
                                      'those that are.', p.section)
                      END;
    END IF;
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
    'number of the change, null if it is not set or was removed already. Raises P0002 for an entry '
    'that is not known, else as config.set does, and 23503 for an entry that facts refer to.';

SELECT maintenance.adopt('config');
SELECT maintenance.adopt('maintenance');

-- Whoever writes the table by hand evaluates its CHECK.
GRANT EXECUTE
    ON FUNCTION config.connection_fault(jsonb)
    TO nexus_config;
