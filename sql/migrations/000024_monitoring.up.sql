-- Why:   what somebody wants to know who is woken at night, as views: slow statements, indexes that
--        are missing or of no use, bloat, partitions, replicas, connections, locks, jobs, lag of
--        the projections. And sums by month for reports, kept as materialized views.
-- Locks: ACCESS EXCLUSIVE on new views only; ACCESS SHARE on daily_pnl and funding_collected while
--        the materialized views are filled.
-- Takes: milliseconds, and the two sums: some seconds for some million rows.
--
-- The statistics are read with the rights of whoever reads the view: members of pg_read_all_stats
-- (nexus_auditor, nexus_maintainer, pg_monitor) see all, others get null or '<insufficient
-- privilege>' for what belongs to other roles. Only bloat reads with the rights of nexus_owner,
-- because pg_stats shows a column's width to those only who may read the column.

-- pg_stat_statements can be made without being preloaded; its view fails then, ours does not.
DO $do$
BEGIN
    IF NOT EXISTS (SELECT
                     FROM pg_catalog.pg_extension AS e
                    WHERE e.extname = 'pg_stat_statements')
    AND EXISTS (SELECT
                  FROM pg_catalog.pg_available_extensions AS e
                 WHERE e.name = 'pg_stat_statements') THEN
        CREATE EXTENSION pg_stat_statements WITH SCHEMA public;
        COMMENT ON EXTENSION pg_stat_statements IS
            'Statistics of all statements; made by 000024_monitoring.';
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: CREATE EXTENSION pg_stat_statements WITH SCHEMA public';
END
$do$;

CREATE OR REPLACE FUNCTION monitoring.slow_statement_ms()
    RETURNS int
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT config.setting('monitoring.slow_statement_ms')::int
$function$;

COMMENT ON FUNCTION monitoring.slow_statement_ms() IS
    'From how many milliseconds on a statement is slow: the setting monitoring.slow_statement_ms.';

CREATE OR REPLACE FUNCTION monitoring.statements()
    RETURNS TABLE (query_id bigint, role_id oid, calls bigint, total_ms float8, mean_ms float8,
                   max_ms float8, stddev_ms float8, row_count bigint, blocks_hit bigint,
                   blocks_read bigint, temp_blocks bigint, wal_bytes numeric, query text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    source text;
BEGIN
    -- The setting exists where the library is preloaded, and only there.
    SELECT format('%I.pg_stat_statements', n.nspname)
      INTO source
      FROM pg_extension AS e
      JOIN pg_namespace AS n
        ON n.oid = e.extnamespace
     WHERE e.extname = 'pg_stat_statements'
       AND current_setting('pg_stat_statements.max', true) IS NOT NULL;
    IF source IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT s.queryid, s.userid, s.calls, s.total_exec_time, s.mean_exec_time,'
        '       s.max_exec_time, s.stddev_exec_time, s.rows, s.shared_blks_hit,'
        '       s.shared_blks_read, s.temp_blks_written, s.wal_bytes, s.query'
        '  FROM ' || source || ' AS s'
        ' WHERE s.dbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())'
        '   AND s.toplevel';
EXCEPTION
    -- Loaded by hand in this session only; or the caller may not read it.
    WHEN object_not_in_prerequisite_state OR insufficient_privilege THEN
        RETURN;
END
$function$;

COMMENT ON FUNCTION monitoring.statements() IS
    'The statements of this database that pg_stat_statements counts. No rows where it says '
    'nothing: the extension is not made (CREATE EXTENSION pg_stat_statements), or the library is '
    'not in shared_preload_libraries (which takes a restart). Raises nothing.';

CREATE OR REPLACE VIEW monitoring.slow_queries AS
SELECT s.query_id,
       coalesce(r.rolname::text, s.role_id::text) AS role,
       s.calls,
       s.mean_ms::numeric(38,18) AS mean_ms,
       s.max_ms::numeric(38,18) AS max_ms,
       s.stddev_ms::numeric(38,18) AS stddev_ms,
       s.total_ms::numeric(38,18) AS total_ms,
       (s.total_ms / nullif(sum(s.total_ms) OVER (), 0))::numeric(38,18) AS share_of_time,
       s.row_count,
       s.blocks_hit,
       s.blocks_read,
       s.temp_blocks,
       s.wal_bytes::bigint AS wal_bytes,
       s.mean_ms > t.slow_ms AS is_slow,
       s.query
  FROM monitoring.statements() AS s
 CROSS JOIN (SELECT monitoring.slow_statement_ms() AS slow_ms) AS t
  LEFT JOIN pg_catalog.pg_roles AS r
    ON r.oid = s.role_id
 ORDER BY s.total_ms DESC;

COMMENT ON VIEW monitoring.slow_queries IS
    'Statements of this database by the time that they took in all, the most first; those whose '
    'mean is over monitoring.slow_statement_ms are marked. Empty where pg_stat_statements is not '
    'there or not preloaded, see monitoring.statements().';
COMMENT ON COLUMN monitoring.slow_queries.query_id IS
    'Hash of the statement without its constants; null for who may not see it.';
COMMENT ON COLUMN monitoring.slow_queries.role IS
    'The role that ran it.';
COMMENT ON COLUMN monitoring.slow_queries.calls IS
    'How often it was run since the statistics were reset.';
COMMENT ON COLUMN monitoring.slow_queries.mean_ms IS
    'Mean time of a run, in milliseconds.';
COMMENT ON COLUMN monitoring.slow_queries.max_ms IS
    'Longest time of a run, in milliseconds.';
COMMENT ON COLUMN monitoring.slow_queries.stddev_ms IS
    'Standard deviation of the time of a run, in milliseconds.';
COMMENT ON COLUMN monitoring.slow_queries.total_ms IS
    'Time of all runs, in milliseconds.';
COMMENT ON COLUMN monitoring.slow_queries.share_of_time IS
    'Its part of the time of all statements of this database, 0 to 1.';
COMMENT ON COLUMN monitoring.slow_queries.row_count IS
    'Rows that it gave or changed, in all runs.';
COMMENT ON COLUMN monitoring.slow_queries.blocks_hit IS
    'Blocks of 8 KiB found in shared buffers, in all runs.';
COMMENT ON COLUMN monitoring.slow_queries.blocks_read IS
    'Blocks of 8 KiB that were read, in all runs.';
COMMENT ON COLUMN monitoring.slow_queries.temp_blocks IS
    'Blocks of 8 KiB written to temporary files, in all runs: it lacked work_mem.';
COMMENT ON COLUMN monitoring.slow_queries.wal_bytes IS
    'WAL that it made, in bytes, in all runs.';
COMMENT ON COLUMN monitoring.slow_queries.is_slow IS
    'Whether the mean is over monitoring.slow_statement_ms.';
COMMENT ON COLUMN monitoring.slow_queries.query IS
    'The statement, constants as $1 …; <insufficient privilege> for who may not see it.';

-- Indexes and partitions are counted together with the index that they are parts of.
CREATE OR REPLACE VIEW monitoring.unused_indexes AS
WITH parts AS (
    SELECT coalesce(pg_partition_root(x.indexrelid)::oid, x.indexrelid) AS index_id,
           x.idx_scan AS scans,
           pg_relation_size(x.indexrelid) AS size_bytes,
           coalesce(t.n_tup_ins + t.n_tup_upd - t.n_tup_hot_upd, 0) AS writes
      FROM pg_catalog.pg_stat_user_indexes AS x
      JOIN pg_catalog.pg_stat_user_tables AS t
        ON t.relid = x.relid
),
sums AS (
    SELECT p.index_id, count(*) AS parts, sum(p.scans)::bigint AS scans,
           sum(p.size_bytes)::bigint AS size_bytes, sum(p.writes)::bigint AS writes
      FROM parts AS p
     GROUP BY p.index_id
)
SELECT format('%s.%s', n.nspname, c.relname) AS index_name,
       i.indrelid::regclass::text AS table_name,
       a.amname::text AS method,
       s.parts,
       s.size_bytes,
       s.scans,
       s.writes,
       d.stats_reset AS counted_since,
       obj_description(c.oid, 'pg_class') AS serves
  FROM sums AS s
  JOIN pg_catalog.pg_class AS c
    ON c.oid = s.index_id
  JOIN pg_catalog.pg_namespace AS n
    ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_index AS i
    ON i.indexrelid = c.oid
  JOIN pg_catalog.pg_am AS a
    ON a.oid = c.relam
  JOIN pg_catalog.pg_stat_database AS d
    ON d.datname = current_database()
 WHERE s.scans = 0
   AND NOT i.indisunique
   AND NOT i.indisexclusion
   AND n.nspname NOT IN ('partman', 'cron')
 ORDER BY s.size_bytes DESC, 1;

COMMENT ON VIEW monitoring.unused_indexes IS
    'Indexes that keep no truth and that no query has used since the statistics were reset, here; '
    'replicas count for themselves. Partitions are counted together. Before dropping one, see '
    'sql/docs/indexes.md and the replicas.';
COMMENT ON COLUMN monitoring.unused_indexes.index_name IS
    'Schema and name of the index; of the whole one where the table is partitioned.';
COMMENT ON COLUMN monitoring.unused_indexes.table_name IS
    'The table, or the materialized view.';
COMMENT ON COLUMN monitoring.unused_indexes.method IS
    'btree, hash, gin, gist or brin.';
COMMENT ON COLUMN monitoring.unused_indexes.parts IS
    'Number of indexes of partitions that are counted together, 1 without partitions.';
COMMENT ON COLUMN monitoring.unused_indexes.size_bytes IS
    'Size of all parts, in bytes.';
COMMENT ON COLUMN monitoring.unused_indexes.scans IS
    'Scans since counted_since: 0.';
COMMENT ON COLUMN monitoring.unused_indexes.writes IS
    'Rows inserted, and updated other than heap-only, since counted_since: each wrote the index.';
COMMENT ON COLUMN monitoring.unused_indexes.counted_since IS
    'When the statistics of the database were reset; null if never.';
COMMENT ON COLUMN monitoring.unused_indexes.serves IS
    'What the index was made for: its comment.';

CREATE OR REPLACE VIEW monitoring.missing_indexes AS
WITH parts AS (
    SELECT coalesce(pg_partition_root(t.relid)::oid, t.relid) AS table_id, t.seq_scan,
           t.seq_tup_read, coalesce(t.idx_scan, 0) AS idx_scan, t.n_live_tup
      FROM pg_catalog.pg_stat_user_tables AS t
),
tables AS (
    SELECT p.table_id, sum(p.seq_scan)::bigint AS seq_scans,
           sum(p.seq_tup_read)::bigint AS seq_rows, sum(p.idx_scan)::bigint AS index_scans,
           sum(p.n_live_tup)::bigint AS live_rows
      FROM parts AS p
     GROUP BY p.table_id
)
SELECT k.conrelid::regclass::text AS table_name,
       'foreign_key' AS reason,
       (SELECT string_agg(a.attname::text COLLATE "default", ', ' ORDER BY u.place)
          FROM unnest(k.conkey) WITH ORDINALITY AS u (attnum, place)
          JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = k.conrelid
           AND a.attnum = u.attnum) AS columns,
       coalesce(t.live_rows, 0) AS live_rows,
       coalesce(t.seq_scans, 0) AS seq_scans,
       coalesce(t.seq_rows, 0) AS seq_rows,
       coalesce(t.index_scans, 0) AS index_scans,
       format('A change of a row of %s reads all of %s: make an index that leads with these '
              'columns.', k.confrelid::regclass, k.conrelid::regclass) AS advice
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c
    ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n
    ON n.oid = c.relnamespace
  LEFT JOIN tables AS t
    ON t.table_id = k.conrelid
 WHERE k.contype = 'f'
   AND k.conparentid = 0
   AND n.nspname NOT IN ('partman', 'cron')
   AND NOT EXISTS (
       SELECT
         FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = k.conrelid
          AND i.indisvalid
          AND ((i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
            -- One that part of the key is enough for finds a single row.
            OR i.indisunique
           AND i.indpred IS NULL
           AND k.conkey @> (i.indkey::int2[])[0:i.indnkeyatts - 1])
          -- Rows whose key is null refer to nothing, so an index may leave them out.
          AND (i.indpred IS NULL
            OR pg_get_expr(i.indpred, i.indrelid) ~ '^\((\w+ IS NOT NULL)\)$'))
 UNION ALL
SELECT t.table_id::regclass::text,
       'sequential_scans',
       NULL,
       t.live_rows,
       t.seq_scans,
       t.seq_rows,
       t.index_scans,
       'Read again and again from end to end: look for its statements in monitoring.slow_queries.'
  FROM tables AS t
  JOIN pg_catalog.pg_class AS c
    ON c.oid = t.table_id
  JOIN pg_catalog.pg_namespace AS n
    ON n.oid = c.relnamespace
 WHERE t.live_rows >= 10000
   AND t.seq_scans >= 10
   AND t.seq_rows >= 10 * t.live_rows
   AND n.nspname NOT IN ('partman', 'cron')
 ORDER BY 6 DESC, 1, 2, 3;

COMMENT ON VIEW monitoring.missing_indexes IS
    'Foreign keys that no index leads with, and tables of 10000 rows or more that were read from '
    'end to end ten times or more since the statistics were reset. Partitions count together.';
COMMENT ON COLUMN monitoring.missing_indexes.table_name IS
    'The table; the whole one where it is partitioned.';
COMMENT ON COLUMN monitoring.missing_indexes.reason IS
    'foreign_key or sequential_scans.';
COMMENT ON COLUMN monitoring.missing_indexes.columns IS
    'The columns that an index should lead with; null where the statistics do not tell.';
COMMENT ON COLUMN monitoring.missing_indexes.live_rows IS
    'Rows of the table, an estimate.';
COMMENT ON COLUMN monitoring.missing_indexes.seq_scans IS
    'Sequential scans since the statistics were reset, each partition counted.';
COMMENT ON COLUMN monitoring.missing_indexes.seq_rows IS
    'Rows that these have read.';
COMMENT ON COLUMN monitoring.missing_indexes.index_scans IS
    'Index scans in the same time.';
COMMENT ON COLUMN monitoring.missing_indexes.advice IS
    'What to do.';

CREATE OR REPLACE FUNCTION monitoring.estimate_bloat()
    RETURNS TABLE (kind text, object_name text, table_name text, row_count bigint,
                   size_bytes bigint, expected_bytes bigint, dead_rows bigint,
                   vacuumed_at timestamptz, analyzed_at timestamptz)
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
    WITH widths AS (
        SELECT s.schemaname, s.tablename, s.attname, s.avg_width * (1 - s.null_frac) AS width,
               s.null_frac
          FROM pg_stats AS s
         WHERE NOT s.inherited
    ),
    tables AS (
        SELECT c.oid, n.nspname, c.relname, c.reltuples, c.relpages,
               coalesce((SELECT o.option_value::int
                           FROM pg_options_to_table(c.reloptions) AS o
                          WHERE o.option_name = 'fillfactor'), 100) AS fill,
               -- Line pointer, header with the bitmap of nulls, data; each in steps of 8 bytes.
               (SELECT CASE WHEN count(w.width) = count(*) THEN
                            4 + 8 * ceil((23 + CASE WHEN bool_or(w.null_frac > 0)
                                                    THEN ceil(count(*) / 8.0)
                                                    ELSE 0
                                               END) / 8.0)
                              + 8 * ceil(sum(w.width) / 8)
                       END
                  FROM pg_attribute AS a
                  LEFT JOIN widths AS w
                    ON w.schemaname = n.nspname
                   AND w.tablename = c.relname
                   AND w.attname = a.attname
                 WHERE a.attrelid = c.oid
                   AND a.attnum > 0
                   AND NOT a.attisdropped) AS row_bytes
          FROM pg_class AS c
          JOIN pg_namespace AS n
            ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'm')
           AND c.relpages > 0
           AND c.relpersistence <> 't'
           AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'partman', 'cron')
    ),
    indexes AS (
        SELECT c.oid, i.indrelid, t.nspname, c.relname, c.reltuples, c.relpages,
               coalesce((SELECT o.option_value::int
                           FROM pg_options_to_table(c.reloptions) AS o
                          WHERE o.option_name = 'fillfactor'), 90) AS fill,
               (SELECT CASE WHEN count(w.width) = count(*) THEN
                            4 + 8 * ceil((8 + CASE WHEN bool_or(w.null_frac > 0) THEN 4 ELSE 0 END)
                                         / 8.0)
                              + 8 * ceil(sum(w.width) / 8)
                       END
                  FROM pg_attribute AS a
                  LEFT JOIN pg_attribute AS ta
                    ON ta.attrelid = i.indrelid
                   AND ta.attnum = i.indkey[a.attnum - 1]
                   AND ta.attnum > 0
                  LEFT JOIN widths AS w
                    ON w.schemaname = t.nspname
                   AND w.tablename = CASE WHEN ta.attnum IS NULL THEN c.relname ELSE t.relname END
                   AND w.attname = coalesce(ta.attname, a.attname)
                 WHERE a.attrelid = c.oid
                   AND a.attnum > 0) AS entry_bytes
          FROM tables AS t
          JOIN pg_index AS i
            ON i.indrelid = t.oid
          JOIN pg_class AS c
            ON c.oid = i.indexrelid
          JOIN pg_am AS m
            ON m.oid = c.relam
           AND m.amname = 'btree'
         WHERE c.relpages > 1
    ),
    block AS (
        SELECT current_setting('block_size')::int AS bytes
    )
    SELECT 'table',
           format('%s.%s', t.nspname, t.relname),
           format('%s.%s', t.nspname, t.relname),
           greatest(t.reltuples, 0)::bigint,
           t.relpages::bigint * b.bytes,
           CASE WHEN t.reltuples >= 0 AND t.row_bytes > 0 THEN
               (ceil(t.reltuples
                     / greatest(floor((b.bytes - 24) * t.fill / 100.0 / t.row_bytes), 1))
                * b.bytes)::bigint
           END,
           coalesce(s.n_dead_tup, 0),
           greatest(s.last_vacuum, s.last_autovacuum),
           greatest(s.last_analyze, s.last_autoanalyze)
      FROM tables AS t
     CROSS JOIN block AS b
      LEFT JOIN pg_stat_all_tables AS s
        ON s.relid = t.oid
     UNION ALL
    SELECT 'index',
           format('%s.%s', x.nspname, x.relname),
           x.indrelid::regclass::text,
           greatest(x.reltuples, 0)::bigint,
           x.relpages::bigint * b.bytes,
           CASE WHEN x.reltuples >= 0 AND x.entry_bytes > 0 THEN
               ((1 + ceil(x.reltuples
                          / greatest(floor((b.bytes - 40) * x.fill / 100.0 / x.entry_bytes), 1)))
                * b.bytes)::bigint
           END,
           NULL,
           greatest(s.last_vacuum, s.last_autovacuum),
           greatest(s.last_analyze, s.last_autoanalyze)
      FROM indexes AS x
     CROSS JOIN block AS b
      LEFT JOIN pg_stat_all_tables AS s
        ON s.relid = x.indrelid
$function$;

COMMENT ON FUNCTION monitoring.estimate_bloat() IS
    'How large tables and B-trees are and how large they would be if written anew, by rows and '
    'mean widths as the last ANALYZE found them. Runs as its owner, who may see widths of all '
    'columns; gives no values.';

CREATE OR REPLACE VIEW monitoring.bloat AS
SELECT b.kind,
       b.object_name,
       b.table_name,
       b.row_count,
       b.size_bytes,
       b.expected_bytes,
       greatest(b.size_bytes - b.expected_bytes, 0) AS bloat_bytes,
       (greatest(b.size_bytes - b.expected_bytes, 0)::numeric / b.size_bytes)::numeric(38,18)
           AS bloat_fraction,
       b.dead_rows,
       b.vacuumed_at,
       b.analyzed_at
  FROM monitoring.estimate_bloat() AS b
 ORDER BY 7 DESC NULLS LAST, 2;

COMMENT ON VIEW monitoring.bloat IS
    'Tables, partitions and B-tree indexes by the space that they take in vain, the most first: '
    'an estimate from the statistics of the last ANALYZE, some 20 % off, and for B-trees with '
    'many equal keys too low. GIN, BRIN and hash indexes and TOAST are not estimated.';
COMMENT ON COLUMN monitoring.bloat.kind IS
    'table or index.';
COMMENT ON COLUMN monitoring.bloat.object_name IS
    'Schema and name of the table or index.';
COMMENT ON COLUMN monitoring.bloat.table_name IS
    'The table, or that of the index.';
COMMENT ON COLUMN monitoring.bloat.row_count IS
    'Rows or entries, as the last VACUUM or ANALYZE counted.';
COMMENT ON COLUMN monitoring.bloat.size_bytes IS
    'Size then, in bytes, without TOAST.';
COMMENT ON COLUMN monitoring.bloat.expected_bytes IS
    'Size if it were written anew, in bytes; null before the first ANALYZE, and for a table that '
    'nexus_owner may not read.';
COMMENT ON COLUMN monitoring.bloat.bloat_bytes IS
    'size_bytes - expected_bytes, in bytes, not below 0; null when that is.';
COMMENT ON COLUMN monitoring.bloat.bloat_fraction IS
    'bloat_bytes over size_bytes, 0 to 1; null when that is.';
COMMENT ON COLUMN monitoring.bloat.dead_rows IS
    'Rows that VACUUM has still to remove, an estimate; null for an index.';
COMMENT ON COLUMN monitoring.bloat.vacuumed_at IS
    'When the table was vacuumed last, by hand or by itself; null if never.';
COMMENT ON COLUMN monitoring.bloat.analyzed_at IS
    'When the table was analyzed last, by hand or by itself; null if never.';

CREATE OR REPLACE VIEW monitoring.partition_health AS
WITH parents AS (
    SELECT c.oid, n.nspname, c.relname, a.attname,
           coalesce(k.partition_interval::interval, interval '1 month') AS every
      FROM pg_catalog.pg_partitioned_table AS p
      JOIN pg_catalog.pg_class AS c
        ON c.oid = p.partrelid
      JOIN pg_catalog.pg_namespace AS n
        ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = c.oid
       AND a.attnum = p.partattrs[0]
       AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
      LEFT JOIN partman.part_config AS k
        ON k.parent_table = format('%s.%s', n.nspname, c.relname)
     WHERE p.partstrat = 'r'
       AND NOT c.relispartition
),
parts AS (
    SELECT p.oid AS parent_id, c.oid,
           pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' AS is_default,
           CASE WHEN pg_get_expr(c.relpartbound, c.oid) ~ 'FROM \(MINVALUE\)' THEN '-infinity'
                ELSE b.bounds[1]::timestamptz
           END AS from_at,
           CASE WHEN pg_get_expr(c.relpartbound, c.oid) ~ 'TO \(MAXVALUE\)' THEN 'infinity'
                ELSE t.bounds[1]::timestamptz
           END AS to_at
      FROM parents AS p
      JOIN pg_catalog.pg_inherits AS i
        ON i.inhparent = p.oid
      JOIN pg_catalog.pg_class AS c
        ON c.oid = i.inhrelid
      LEFT JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                     'FROM \(''([^'']+)''\)') AS b (bounds)
        ON true
      LEFT JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                     'TO \(''([^'']+)''\)') AS t (bounds)
        ON true
),
neighbours AS (
    SELECT r.parent_id, r.from_at, r.to_at,
           lead(r.from_at) OVER (PARTITION BY r.parent_id ORDER BY r.from_at) AS next_from
      FROM parts AS r
     WHERE NOT r.is_default
),
bounds AS (
    SELECT b.parent_id, count(*) AS partitions, min(b.from_at) AS oldest_from,
           max(b.to_at) AS newest_to,
           count(*) FILTER (WHERE b.next_from > b.to_at) AS gaps,
           count(*) FILTER (WHERE b.next_from > b.to_at AND b.next_from > now()) AS gaps_ahead,
           min(b.to_at) FILTER (WHERE b.next_from > b.to_at AND b.next_from > now()) AS gap_from,
           coalesce(bool_or(b.from_at <= now() AND b.to_at > now()), false) AS holds_now
      FROM neighbours AS b
     GROUP BY b.parent_id
),
leftovers AS (
    -- Named or commented as a partition, and none any more.
    SELECT p.oid AS parent_id, count(*) AS detached,
           sum(pg_total_relation_size(c.oid))::bigint AS detached_bytes
      FROM parents AS p
      JOIN pg_catalog.pg_namespace AS n
        ON n.nspname = p.nspname
      JOIN pg_catalog.pg_class AS c
        ON c.relnamespace = n.oid
       AND c.relkind = 'r'
       AND NOT c.relispartition
     WHERE (starts_with(c.relname, p.relname)
        AND substr(c.relname, length(p.relname) + 1) ~ '^(_p\d{4}|_y\d{4}m\d{2}$)')
        OR starts_with(obj_description(c.oid, 'pg_class'),
                       format('Detached from %s.%s ', p.nspname, p.relname))
     GROUP BY p.oid
)
SELECT format('%s.%s', p.nspname, p.relname) AS table_name,
       p.attname::text AS by_column,
       p.every,
       coalesce(b.partitions, 0) AS partitions,
       b.oldest_from,
       b.newest_to,
       CASE WHEN isfinite(b.newest_to) THEN b.newest_to - now() END AS ahead,
       coalesce(b.gaps, 0) AS gaps,
       coalesce(b.gaps_ahead, 0) AS gaps_ahead,
       coalesce(l.detached, 0) AS detached,
       coalesce(l.detached_bytes, 0) AS detached_bytes,
       d.has_default,
       f.problem IS NULL AS is_ok,
       f.problem
  FROM parents AS p
  LEFT JOIN bounds AS b
    ON b.parent_id = p.oid
  LEFT JOIN leftovers AS l
    ON l.parent_id = p.oid
 CROSS JOIN LATERAL (
       SELECT EXISTS (SELECT
                        FROM parts AS r
                       WHERE r.parent_id = p.oid
                         AND r.is_default) AS has_default
       ) AS d
 CROSS JOIN LATERAL (
       SELECT nullif(concat_ws('; ',
                  CASE WHEN b.holds_now IS NOT TRUE THEN
                      'no partition holds the present: SELECT maintenance.make_partitions()'
                  END,
                  CASE WHEN b.holds_now
                        AND b.newest_to < now() + greatest(p.every, interval '2 days') THEN
                      'the last partition ends too soon: SELECT maintenance.make_partitions()'
                  END,
                  CASE WHEN b.gaps_ahead > 0 THEN
                      format('no partition from %s on: SELECT maintenance.make_partitions()',
                             b.gap_from)
                  END,
                  CASE WHEN d.has_default THEN
                      'a DEFAULT partition hides what has no partition: move its rows, drop it'
                  END), '') AS problem
       ) AS f
 ORDER BY 1;

COMMENT ON VIEW monitoring.partition_health IS
    'A row is a table that is partitioned by time: how far its partitions reach, and whether that '
    'will do.';
COMMENT ON COLUMN monitoring.partition_health.table_name IS
    'Schema and name of the table.';
COMMENT ON COLUMN monitoring.partition_health.by_column IS
    'The time that it is partitioned by.';
COMMENT ON COLUMN monitoring.partition_health.every IS
    'Time that a partition holds.';
COMMENT ON COLUMN monitoring.partition_health.partitions IS
    'Number of partitions, without a DEFAULT one.';
COMMENT ON COLUMN monitoring.partition_health.oldest_from IS
    'From when on there are partitions; null without any.';
COMMENT ON COLUMN monitoring.partition_health.newest_to IS
    'Where the last partition ends, itself no part of it; null without any.';
COMMENT ON COLUMN monitoring.partition_health.ahead IS
    'How far that is ahead of now; negative if it is past, null without partitions or an end.';
COMMENT ON COLUMN monitoring.partition_health.gaps IS
    'Times between two partitions that none holds. Past ones are harmless: partitions of the past '
    'are made for the facts that come.';
COMMENT ON COLUMN monitoring.partition_health.gaps_ahead IS
    'Of these, those that reach beyond now: facts will be refused.';
COMMENT ON COLUMN monitoring.partition_health.detached IS
    'Tables that were partitions of it and still stand: by retention, or by hand.';
COMMENT ON COLUMN monitoring.partition_health.detached_bytes IS
    'Size of these with their indexes, in bytes.';
COMMENT ON COLUMN monitoring.partition_health.has_default IS
    'Whether there is a DEFAULT partition; there should be none.';
COMMENT ON COLUMN monitoring.partition_health.is_ok IS
    'Whether nothing has to be done: the present and the next interval (2 days at least) are '
    'held, without gap or DEFAULT.';
COMMENT ON COLUMN monitoring.partition_health.problem IS
    'What is wrong and its cure; null if nothing is.';

CREATE OR REPLACE VIEW monitoring.replica_lag AS
SELECT 'replica' AS kind,
       r.application_name AS name,
       r.client_addr,
       r.state,
       r.sync_state,
       pg_wal_lsn_diff(w.lsn, r.sent_lsn)::bigint AS unsent_bytes,
       pg_wal_lsn_diff(w.lsn, r.flush_lsn)::bigint AS unflushed_bytes,
       pg_wal_lsn_diff(w.lsn, r.replay_lsn)::bigint AS lag_bytes,
       r.replay_lag AS lag,
       NULL::bigint AS retained_bytes,
       true AS is_active
  FROM pg_catalog.pg_stat_replication AS r
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                         ELSE pg_current_wal_lsn()
                    END AS lsn) AS w
 UNION ALL
SELECT 'slot',
       s.slot_name::text,
       NULL,
       s.wal_status,
       s.slot_type,
       NULL,
       pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn)::bigint,
       NULL,
       NULL,
       pg_wal_lsn_diff(w.lsn, s.restart_lsn)::bigint,
       s.active
  FROM pg_catalog.pg_replication_slots AS s
 CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                         ELSE pg_current_wal_lsn()
                    END AS lsn) AS w
 UNION ALL
SELECT 'self',
       current_setting('cluster_name'),
       NULL,
       'recovery',
       NULL,
       NULL,
       NULL,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint,
       CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN interval '0'
            ELSE clock_timestamp() - pg_last_xact_replay_timestamp()
       END,
       NULL,
       true
 WHERE pg_is_in_recovery();

COMMENT ON VIEW monitoring.replica_lag IS
    'Replicas that follow this server, replication slots that keep WAL for one, and, on a '
    'replica, its own lag. Empty on a server without any.';
COMMENT ON COLUMN monitoring.replica_lag.kind IS
    'replica (follows this server), slot (keeps WAL for somebody) or self (this is a replica).';
COMMENT ON COLUMN monitoring.replica_lag.name IS
    'application_name of the replica, name of the slot, or cluster_name.';
COMMENT ON COLUMN monitoring.replica_lag.client_addr IS
    'Address of the replica; null for a socket and for other kinds.';
COMMENT ON COLUMN monitoring.replica_lag.state IS
    'State of the replica (streaming is well), or of the slot''s WAL (lost is past help).';
COMMENT ON COLUMN monitoring.replica_lag.sync_state IS
    'async, sync, quorum or potential; of a slot physical or logical.';
COMMENT ON COLUMN monitoring.replica_lag.unsent_bytes IS
    'WAL that was not sent yet, in bytes.';
COMMENT ON COLUMN monitoring.replica_lag.unflushed_bytes IS
    'WAL that is not on the replica''s disk yet, in bytes: what a failover could lose.';
COMMENT ON COLUMN monitoring.replica_lag.lag_bytes IS
    'WAL that readers of the replica do not see yet, in bytes.';
COMMENT ON COLUMN monitoring.replica_lag.lag IS
    'How long ago what they see was current; null when idle or not known.';
COMMENT ON COLUMN monitoring.replica_lag.retained_bytes IS
    'WAL that the slot keeps on this disk, in bytes; null for other kinds.';
COMMENT ON COLUMN monitoring.replica_lag.is_active IS
    'Whether somebody is connected; a slot without anybody fills the disk.';

CREATE OR REPLACE VIEW monitoring.connection_use AS
SELECT a.usename::text AS role,
       a.datname::text AS database,
       a.state,
       count(*) AS connections,
       sum(count(*)) OVER ()::bigint AS all_connections,
       m.connections_max,
       (count(*)::numeric / m.connections_max)::numeric(38,18) AS share,
       (sum(count(*)) OVER () / m.connections_max)::numeric(38,18) AS share_of_all,
       min(a.backend_start) AS oldest_at,
       greatest(clock_timestamp() - min(a.state_change), interval '0') AS longest_in_state
  FROM pg_catalog.pg_stat_activity AS a
 CROSS JOIN (SELECT current_setting('max_connections')::int AS connections_max) AS m
 WHERE a.usesysid IS NOT NULL
   AND coalesce(a.backend_type, 'client backend') = 'client backend'
 GROUP BY a.usename, a.datname, a.state, m.connections_max
 ORDER BY 4 DESC, 1, 2, 3;

COMMENT ON VIEW monitoring.connection_use IS
    'Connections to the server by role, database and state, the most first.';
COMMENT ON COLUMN monitoring.connection_use.role IS
    'The role that logged in.';
COMMENT ON COLUMN monitoring.connection_use.database IS
    'The database; the limit is that of the server.';
COMMENT ON COLUMN monitoring.connection_use.state IS
    'active, idle, idle in transaction …; null for who may not see it.';
COMMENT ON COLUMN monitoring.connection_use.connections IS
    'Number of connections of this row.';
COMMENT ON COLUMN monitoring.connection_use.all_connections IS
    'Number of all connections.';
COMMENT ON COLUMN monitoring.connection_use.connections_max IS
    'max_connections, of which superuser_reserved_connections are for superusers.';
COMMENT ON COLUMN monitoring.connection_use.share IS
    'connections over connections_max, 0 to 1.';
COMMENT ON COLUMN monitoring.connection_use.share_of_all IS
    'all_connections over connections_max, 0 to 1.';
COMMENT ON COLUMN monitoring.connection_use.oldest_at IS
    'When the oldest of them connected; null for who may not see it.';
COMMENT ON COLUMN monitoring.connection_use.longest_in_state IS
    'How long one of them is in its state at most; null for who may not see it.';

CREATE OR REPLACE VIEW monitoring.long_transactions AS
SELECT a.pid,
       a.usename::text AS role,
       a.datname::text AS database,
       a.application_name,
       a.state,
       a.xact_start AS started_at,
       clock_timestamp() - a.xact_start AS open_for,
       CASE WHEN a.state LIKE 'idle in transaction%' THEN clock_timestamp() - a.state_change
       END AS idle_for,
       age(a.backend_xmin) AS holds_back,
       concat_ws(': ', a.wait_event_type, a.wait_event) AS waits_for,
       left(a.query, 1000) AS query
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.xact_start < clock_timestamp() - interval '1 minute'
   AND a.backend_type <> 'walsender'
   AND a.pid <> pg_backend_pid()
 UNION ALL
SELECT NULL,
       x.owner::text,
       x.database::text,
       'prepared transaction ' || x.gid,
       'prepared',
       x.prepared,
       clock_timestamp() - x.prepared,
       clock_timestamp() - x.prepared,
       age(x.transaction),
       NULL,
       NULL
  FROM pg_catalog.pg_prepared_xacts AS x
 WHERE x.prepared < clock_timestamp() - interval '1 minute'
 ORDER BY 6;

COMMENT ON VIEW monitoring.long_transactions IS
    'Transactions of the server that are open for more than a minute, the oldest first: while one '
    'is, VACUUM keeps what has died since. Autovacuum too; only members of pg_read_all_stats see '
    'those of others.';
COMMENT ON COLUMN monitoring.long_transactions.pid IS
    'Its process, for pg_terminate_backend; null for a prepared one (ROLLBACK PREPARED).';
COMMENT ON COLUMN monitoring.long_transactions.role IS
    'The role that logged in; null for autovacuum.';
COMMENT ON COLUMN monitoring.long_transactions.database IS
    'The database.';
COMMENT ON COLUMN monitoring.long_transactions.application_name IS
    'What the client calls itself.';
COMMENT ON COLUMN monitoring.long_transactions.state IS
    'active, idle in transaction, idle in transaction (aborted) or prepared.';
COMMENT ON COLUMN monitoring.long_transactions.started_at IS
    'When it began.';
COMMENT ON COLUMN monitoring.long_transactions.open_for IS
    'How long it is open.';
COMMENT ON COLUMN monitoring.long_transactions.idle_for IS
    'How long it has done nothing; null while it does something.';
COMMENT ON COLUMN monitoring.long_transactions.holds_back IS
    'Transactions that have begun since the oldest that it can see; null if it holds none back.';
COMMENT ON COLUMN monitoring.long_transactions.waits_for IS
    'What it waits for; empty for nothing.';
COMMENT ON COLUMN monitoring.long_transactions.query IS
    'Its last statement, the first 1000 characters.';

CREATE OR REPLACE VIEW monitoring.blocked_sessions AS
SELECT a.pid,
       a.usename::text AS role,
       a.datname::text AS database,
       a.application_name,
       clock_timestamp() - l.waitstart AS waits_since,
       l.locktype AS lock_type,
       l.mode AS lock_mode,
       CASE WHEN l.database = (SELECT d.oid
                                 FROM pg_catalog.pg_database AS d
                                WHERE d.datname = current_database())
            THEN l.relation::regclass::text
       END AS table_name,
       pg_blocking_pids(a.pid) AS blocked_by,
       left(a.query, 1000) AS query,
       (SELECT string_agg(format('%s (%s, %s): %s', b.pid, b.usename, b.state,
                                 left(b.query, 200)), E'\n' ORDER BY b.pid)
          FROM pg_catalog.pg_stat_activity AS b
         WHERE b.pid = ANY (pg_blocking_pids(a.pid))) AS blockers
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_stat_activity AS a
    ON a.pid = l.pid
 WHERE NOT l.granted
 ORDER BY 5 DESC NULLS LAST;

COMMENT ON VIEW monitoring.blocked_sessions IS
    'Sessions of the server that wait for a lock, and those that they wait for, the longest first.';
COMMENT ON COLUMN monitoring.blocked_sessions.pid IS
    'The process that waits.';
COMMENT ON COLUMN monitoring.blocked_sessions.role IS
    'The role that logged in.';
COMMENT ON COLUMN monitoring.blocked_sessions.database IS
    'The database.';
COMMENT ON COLUMN monitoring.blocked_sessions.application_name IS
    'What the client calls itself.';
COMMENT ON COLUMN monitoring.blocked_sessions.waits_since IS
    'How long it has been waiting; null in the first moment.';
COMMENT ON COLUMN monitoring.blocked_sessions.lock_type IS
    'relation, tuple, transactionid, advisory …';
COMMENT ON COLUMN monitoring.blocked_sessions.lock_mode IS
    'The mode that it wants.';
COMMENT ON COLUMN monitoring.blocked_sessions.table_name IS
    'The table; null for other locks and in another database.';
COMMENT ON COLUMN monitoring.blocked_sessions.blocked_by IS
    'The processes that it waits for, for pg_terminate_backend; 0 is a prepared transaction.';
COMMENT ON COLUMN monitoring.blocked_sessions.query IS
    'The statement that waits, the first 1000 characters.';
COMMENT ON COLUMN monitoring.blocked_sessions.blockers IS
    'Those that it waits for, a line each: process, role, state, the last statement.';

CREATE OR REPLACE VIEW monitoring.job_failures AS
SELECT r.run_id,
       r.job,
       r.started_at,
       r.ended_at,
       r.ended_at - r.started_at AS took,
       r.trigger,
       r.actor,
       r.error,
       d.done_at AS done_since
  FROM maintenance.runs AS r
  LEFT JOIN LATERAL (
       SELECT l.started_at
         FROM maintenance.runs AS l
        WHERE l.job = r.job
          AND l.started_at > r.started_at
          AND l.outcome = 'done'
        ORDER BY l.started_at
        LIMIT 1
       ) AS d (done_at)
    ON true
 WHERE r.outcome = 'failed'
 ORDER BY r.started_at DESC, r.run_id DESC;

COMMENT ON VIEW monitoring.job_failures IS
    'Runs of jobs that failed, the latest first, as long as runs are kept (90 days).';
COMMENT ON COLUMN monitoring.job_failures.run_id IS
    'Number of the run.';
COMMENT ON COLUMN monitoring.job_failures.job IS
    'The job, see maintenance.jobs.';
COMMENT ON COLUMN monitoring.job_failures.started_at IS
    'When it began.';
COMMENT ON COLUMN monitoring.job_failures.ended_at IS
    'When it ended.';
COMMENT ON COLUMN monitoring.job_failures.took IS
    'How long it took.';
COMMENT ON COLUMN monitoring.job_failures.trigger IS
    'What ran it: pg_cron, maintain (the command) or manual.';
COMMENT ON COLUMN monitoring.job_failures.actor IS
    'Who ran it.';
COMMENT ON COLUMN monitoring.job_failures.error IS
    'SQLSTATE and message.';
COMMENT ON COLUMN monitoring.job_failures.done_since IS
    'When the job was begun next that was done; null while it has not been since.';

CREATE OR REPLACE VIEW monitoring.job_health AS
SELECT j.job,
       j.enabled,
       j.every,
       l.started_at AS last_run_at,
       l.ended_at - l.started_at AS last_took,
       d.started_at AS last_done_at,
       f.failures,
       coalesce(l.outcome = 'failed', false) AS is_failing,
       j.enabled AND coalesce(d.started_at < now() - 2 * j.every, true) AS is_missed,
       CASE WHEN l.outcome = 'failed' THEN l.error END AS error
  FROM maintenance.jobs AS j
  LEFT JOIN LATERAL (
       SELECT r.started_at, r.ended_at, r.outcome, r.error
         FROM maintenance.runs AS r
        WHERE r.job = j.job
        ORDER BY r.started_at DESC
        LIMIT 1
       ) AS l
    ON true
  LEFT JOIN LATERAL (
       SELECT r.started_at
         FROM maintenance.runs AS r
        WHERE r.job = j.job
          AND r.outcome = 'done'
        ORDER BY r.started_at DESC
        LIMIT 1
       ) AS d
    ON true
 CROSS JOIN LATERAL (
       SELECT count(*) AS failures
         FROM maintenance.runs AS r
        WHERE r.job = j.job
          AND r.outcome = 'failed'
          AND r.started_at > now() - interval '7 days'
       ) AS f
 ORDER BY 8 DESC, 9 DESC, 1;

COMMENT ON VIEW monitoring.job_health IS
    'A row is a job: those that fail first, then those that are missed.';
COMMENT ON COLUMN monitoring.job_health.job IS
    'The job, see maintenance.jobs.';
COMMENT ON COLUMN monitoring.job_health.enabled IS
    'Whether it is to be done.';
COMMENT ON COLUMN monitoring.job_health.every IS
    'How often it has to be done.';
COMMENT ON COLUMN monitoring.job_health.last_run_at IS
    'When it was begun last; null if never.';
COMMENT ON COLUMN monitoring.job_health.last_took IS
    'How long that took.';
COMMENT ON COLUMN monitoring.job_health.last_done_at IS
    'When it was begun last and then done; null if never.';
COMMENT ON COLUMN monitoring.job_health.failures IS
    'Runs of the last 7 days that failed.';
COMMENT ON COLUMN monitoring.job_health.is_failing IS
    'Whether its last run failed.';
COMMENT ON COLUMN monitoring.job_health.is_missed IS
    'Whether it was not done for twice its time, or never, although it is enabled.';
COMMENT ON COLUMN monitoring.job_health.error IS
    'Why its last run failed; null if it did not.';

CREATE OR REPLACE VIEW monitoring.projection_lag AS
SELECT b.name AS book,
       b.book_id,
       l.slot,
       h.log_position AS head,
       coalesce(c.log_position, 0) AS folded,
       h.log_position - coalesce(c.log_position, 0) AS events_behind,
       CASE WHEN h.log_position > coalesce(c.log_position, 0)
            THEN greatest(clock_timestamp() - coalesce(c.progressed_at, b.created_at),
                          interval '0')
            ELSE interval '0'
       END AS stands_still_for,
       h.recorded_at AS last_event_at,
       c.owner,
       l.logic_version,
       (SELECT count(*)
          FROM positions.quarantine AS q
         WHERE q.book_id = b.book_id
           AND q.slot = l.slot) AS quarantined
  FROM positions.books AS b
  JOIN positions.log_head AS h
    ON h.book_id = b.book_id
  JOIN positions.live_slot AS l
    ON l.book_id = b.book_id
  LEFT JOIN positions.projection_checkpoints AS c
    ON c.book_id = b.book_id
   AND c.slot = l.slot
 ORDER BY 6 DESC, 1;

COMMENT ON VIEW monitoring.projection_lag IS
    'A row is a book: how far its live projections are behind its log.';
COMMENT ON COLUMN monitoring.projection_lag.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN monitoring.projection_lag.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN monitoring.projection_lag.slot IS
    'The slot that is live: 1, 2 or 3.';
COMMENT ON COLUMN monitoring.projection_lag.head IS
    'Log position of the last event; 0 before the first.';
COMMENT ON COLUMN monitoring.projection_lag.folded IS
    'Log position up to which the live slot is folded; 0 before the first.';
COMMENT ON COLUMN monitoring.projection_lag.events_behind IS
    'head - folded: events that readers do not see yet.';
COMMENT ON COLUMN monitoring.projection_lag.stands_still_for IS
    'How long nothing was folded while something was to be; 0 when nothing is.';
COMMENT ON COLUMN monitoring.projection_lag.last_event_at IS
    'recorded_at of the last event; null before the first.';
COMMENT ON COLUMN monitoring.projection_lag.owner IS
    'Who writes the slot; null if nobody has yet.';
COMMENT ON COLUMN monitoring.projection_lag.logic_version IS
    'Version of the folds of the live generation.';
COMMENT ON COLUMN monitoring.projection_lag.quarantined IS
    'Positions of it whose fold stopped, see positions.quarantine.';

-- Sums by month. What is not valued, or beyond 10^20, makes the sum null and is counted.

CREATE MATERIALIZED VIEW IF NOT EXISTS analytics.monthly_pnl AS
SELECT d.book,
       d.book_id,
       date_trunc('month', d.day::timestamp)::date AS month,
       d.strategy,
       d.asset,
       d.venue,
       d.settle,
       CASE WHEN count(d.price_pnl) = count(*) AND abs(sum(d.price_pnl)) < 1e20
            THEN sum(d.price_pnl)
       END::numeric(38,18) AS price_pnl,
       CASE WHEN count(d.fees) = count(*) AND abs(sum(d.fees)) < 1e20
            THEN sum(d.fees)
       END::numeric(38,18) AS fees,
       CASE WHEN count(d.funding) = count(*) AND abs(sum(d.funding)) < 1e20
            THEN sum(d.funding)
       END::numeric(38,18) AS funding,
       CASE WHEN count(d.adjustments) = count(*) AND abs(sum(d.adjustments)) < 1e20
            THEN sum(d.adjustments)
       END::numeric(38,18) AS adjustments,
       CASE WHEN count(d.net) = count(*) AND abs(sum(d.net)) < 1e20
            THEN sum(d.net)
       END::numeric(38,18) AS net,
       CASE WHEN abs(sum(d.net)) < 1e20
            THEN sum(d.net)
       END::numeric(38,18) AS net_of_valued_days,
       count(*) AS days,
       count(*) - count(d.net) AS unvalued_days,
       sum(d.unvalued_fees)::bigint AS unvalued_fees,
       sum(d.unvalued_funding)::bigint AS unvalued_funding,
       sum(d.fills)::bigint AS fills,
       CASE WHEN count(d.volume) = count(*) AND sum(d.volume) < 1e20
            THEN sum(d.volume)
       END::numeric(38,18) AS volume,
       max(d.log_position) AS log_position,
       max(d.changed_at) AS changed_at
  FROM analytics.daily_pnl AS d
 GROUP BY d.book, d.book_id, date_trunc('month', d.day::timestamp)::date, d.strategy, d.asset,
          d.venue, d.settle;

COMMENT ON MATERIALIZED VIEW analytics.monthly_pnl IS
    'What was earned by month: sums of analytics.daily_pnl as it was at the last '
    'maintenance.refresh_views(). A month with a day that is not valued has no net.';
COMMENT ON COLUMN analytics.monthly_pnl.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN analytics.monthly_pnl.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.monthly_pnl.month IS
    'The UTC month, as its first day.';
COMMENT ON COLUMN analytics.monthly_pnl.strategy IS
    'Strategy of the positions.';
COMMENT ON COLUMN analytics.monthly_pnl.asset IS
    'Asset that the positions trade.';
COMMENT ON COLUMN analytics.monthly_pnl.venue IS
    'The exchange of the legs.';
COMMENT ON COLUMN analytics.monthly_pnl.settle IS
    'Settle asset of the legs, the unit of the money columns.';
COMMENT ON COLUMN analytics.monthly_pnl.price_pnl IS
    'P&L from prices, in settle; null from 10^20 on, of the month or one of its days.';
COMMENT ON COLUMN analytics.monthly_pnl.fees IS
    'Fees, + cost, in settle; null while a day''s are not valued, and from 10^20 on.';
COMMENT ON COLUMN analytics.monthly_pnl.funding IS
    'Funding, + received, in settle; null while a day''s is not valued, and from 10^20 on.';
COMMENT ON COLUMN analytics.monthly_pnl.adjustments IS
    'Cash adjustments, in settle; null from 10^20 on.';
COMMENT ON COLUMN analytics.monthly_pnl.net IS
    'price_pnl - fees + funding + adjustments, in settle; null while a day is not valued.';
COMMENT ON COLUMN analytics.monthly_pnl.net_of_valued_days IS
    'Sum of net over the days that are valued, in settle; null if none is. No figure for the '
    'month while unvalued_days is above 0.';
COMMENT ON COLUMN analytics.monthly_pnl.days IS
    'Number of days that have a row.';
COMMENT ON COLUMN analytics.monthly_pnl.unvalued_days IS
    'Of these, days without net.';
COMMENT ON COLUMN analytics.monthly_pnl.unvalued_fees IS
    'Number of position-leg-days whose fees are not valued.';
COMMENT ON COLUMN analytics.monthly_pnl.unvalued_funding IS
    'Number of position-leg-days whose funding is not valued.';
COMMENT ON COLUMN analytics.monthly_pnl.fills IS
    'Number of live fills.';
COMMENT ON COLUMN analytics.monthly_pnl.volume IS
    'Traded volume, in quote; of inverse legs the sum of qty times multiplier; null from 10^20 on.';
COMMENT ON COLUMN analytics.monthly_pnl.log_position IS
    'Log position of the last event that changed one of the days.';
COMMENT ON COLUMN analytics.monthly_pnl.changed_at IS
    'recorded_at of that event.';

-- A new view that nobody reads yet, in the file's transaction.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX IF NOT EXISTS monthly_pnl_has_one_row
    ON analytics.monthly_pnl (book_id, month, strategy, asset, venue, settle);
COMMENT ON INDEX analytics.monthly_pnl_has_one_row IS
    'A book''s months; a refresh that lets readers go on needs it.';

CREATE MATERIALIZED VIEW IF NOT EXISTS analytics.venue_month_funding AS
SELECT f.book,
       f.book_id,
       f.month,
       f.venue,
       f.settle,
       count(*) AS legs,
       count(*) - count(f.net) AS unvalued_legs,
       count(*) - count(f.variance) AS uncompared_legs,
       count(*) - count(f.missing_settlements) AS legs_without_interval,
       sum(f.payments)::bigint AS payments,
       sum(f.missing_settlements)::bigint AS missing_settlements,
       CASE WHEN sum(f.received) < 1e20 THEN sum(f.received) END::numeric(38,18) AS received,
       CASE WHEN sum(f.paid) < 1e20 THEN sum(f.paid) END::numeric(38,18) AS paid,
       CASE WHEN count(f.net) = count(*) AND abs(sum(f.net)) < 1e20
            THEN sum(f.net)
       END::numeric(38,18) AS net,
       CASE WHEN count(f.expected) = count(*) AND abs(sum(f.expected)) < 1e20
            THEN sum(f.expected)
       END::numeric(38,18) AS expected,
       CASE WHEN count(f.variance) = count(*) AND abs(sum(f.variance)) < 1e20
            THEN sum(f.variance)
       END::numeric(38,18) AS variance,
       max(f.log_position) AS log_position,
       max(f.changed_at) AS changed_at
  FROM analytics.funding_collected AS f
 GROUP BY f.book, f.book_id, f.month, f.venue, f.settle;

COMMENT ON MATERIALIZED VIEW analytics.venue_month_funding IS
    'Funding by venue and month: sums of analytics.funding_collected as it was at the last '
    'maintenance.refresh_views(). What a leg does not tell makes the sum null and is counted.';
COMMENT ON COLUMN analytics.venue_month_funding.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN analytics.venue_month_funding.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.venue_month_funding.month IS
    'The UTC month, as its first day.';
COMMENT ON COLUMN analytics.venue_month_funding.venue IS
    'The exchange of the legs.';
COMMENT ON COLUMN analytics.venue_month_funding.settle IS
    'Settle asset of the legs, the unit of the money columns.';
COMMENT ON COLUMN analytics.venue_month_funding.legs IS
    'Number of legs that had funding in the month.';
COMMENT ON COLUMN analytics.venue_month_funding.unvalued_legs IS
    'Of these, legs with a payment that is not valued.';
COMMENT ON COLUMN analytics.venue_month_funding.uncompared_legs IS
    'Of these, legs whose payments cannot be compared with what was expected.';
COMMENT ON COLUMN analytics.venue_month_funding.legs_without_interval IS
    'Of these, legs of which it is not known how many settlements were due.';
COMMENT ON COLUMN analytics.venue_month_funding.payments IS
    'Number of live funding payments.';
COMMENT ON COLUMN analytics.venue_month_funding.missing_settlements IS
    'Settlements due without a payment, of the legs with an interval; null if none has one.';
COMMENT ON COLUMN analytics.venue_month_funding.received IS
    'Sum of what was received, >= 0, in settle, as far as it is valued; null from 10^20 on.';
COMMENT ON COLUMN analytics.venue_month_funding.paid IS
    'Sum of what was paid, >= 0, in settle, as far as it is valued; null from 10^20 on.';
COMMENT ON COLUMN analytics.venue_month_funding.net IS
    'received - paid, in settle; null while a payment is not valued, and from 10^20 on.';
COMMENT ON COLUMN analytics.venue_month_funding.expected IS
    'Funding by quantity, mark and rate of the payments, in settle; null when one lacks them.';
COMMENT ON COLUMN analytics.venue_month_funding.variance IS
    'Booked minus expected, in settle; null when either is of one leg.';
COMMENT ON COLUMN analytics.venue_month_funding.log_position IS
    'Log position of the last event that changed one of the legs.';
COMMENT ON COLUMN analytics.venue_month_funding.changed_at IS
    'recorded_at of that event.';

-- A new view that nobody reads yet, in the file's transaction.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX IF NOT EXISTS venue_month_funding_has_one_row
    ON analytics.venue_month_funding (book_id, month, venue, settle);
COMMENT ON INDEX analytics.venue_month_funding_has_one_row IS
    'A book''s months; a refresh that lets readers go on needs it.';

CREATE OR REPLACE FUNCTION maintenance.refresh_views()
    RETURNS TABLE (view_name text, is_concurrent boolean, took interval)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
AS $function$
DECLARE
    v        record;
    begun_at timestamptz;
BEGIN
    FOR v IN
        SELECT format('%I.%I', n.nspname, c.relname) AS name,
               c.relispopulated
           AND EXISTS (SELECT
                         FROM pg_index AS i
                        WHERE i.indrelid = c.oid
                          AND i.indisunique
                          AND i.indisvalid
                          AND i.indpred IS NULL
                          AND i.indexprs IS NULL) AS lets_read
          FROM pg_class AS c
          JOIN pg_namespace AS n
            ON n.oid = c.relnamespace
         WHERE c.relkind = 'm'
           AND c.relowner = 'nexus_owner'::regrole
         ORDER BY 1
    LOOP
        begun_at := clock_timestamp();
        EXECUTE format('REFRESH MATERIALIZED VIEW %s %s',
                       CASE WHEN v.lets_read THEN 'CONCURRENTLY' ELSE '' END, v.name);
        view_name := v.name;
        is_concurrent := v.lets_read;
        took := clock_timestamp() - begun_at;
        RETURN NEXT;
    END LOOP;
END
$function$;

COMMENT ON FUNCTION maintenance.refresh_views() IS
    'Refreshes the materialized views of nexus_owner, CONCURRENTLY: readers go on and see the '
    'former rows until the transaction commits. One that was never filled (after a restore) is '
    'refreshed without. Returns which, whether concurrently, and how long it took.';

CREATE OR REPLACE FUNCTION maintenance.apply_slow_statement_threshold()
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    slow_ms CONSTANT int  := monitoring.slow_statement_ms();
    command CONSTANT text := format('ALTER DATABASE %I SET log_min_duration_statement = %L',
                                    current_database(), slow_ms);
BEGIN
    IF EXISTS (SELECT
                 FROM pg_db_role_setting AS s
                 JOIN pg_database AS d
                   ON d.oid = s.setdatabase
                WHERE d.datname = current_database()
                  AND s.setrole = 0
                  AND s.setconfig @> ARRAY[format('log_min_duration_statement=%s', slow_ms)]) THEN
        RETURN format('statements of more than %s ms are logged already', slow_ms);
    END IF;
    EXECUTE command;
    RETURN format('statements of more than %s ms are logged, in sessions that begin now', slow_ms);
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: %', command;
        RETURN format('not allowed; as a superuser: %s', command);
END
$function$;

COMMENT ON FUNCTION maintenance.apply_slow_statement_threshold() IS
    'Has the server log the statements of this database that take longer than the setting '
    'monitoring.slow_statement_ms, in sessions that begin afterwards. Returns what was done; where '
    'that takes rights that the caller lacks, what a superuser has to run. The job may do it where '
    'nexus_owner owns the database and may SET the parameter log_min_duration_statement, which the '
    'migration sees to where a superuser runs it and a superuser owned the database.';

INSERT INTO maintenance.jobs (job, every, schedule, command, description)
VALUES ('views', '1 day', '30 2 * * *', 'SELECT maintenance.refresh_views()',
        'Refreshes the materialized views, in the hours of least traffic.'),
       ('slow_statements', '1 hour', '25 * * * *',
        'SELECT maintenance.apply_slow_statement_threshold()',
        'Has statements logged that take longer than monitoring.slow_statement_ms.')
    ON CONFLICT (job) DO NOTHING;

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA monitoring
    FROM PUBLIC;
REVOKE ALL
    ON FUNCTION maintenance.refresh_views(), maintenance.apply_slow_statement_threshold()
    FROM PUBLIC;

SELECT maintenance.adopt('monitoring');
SELECT maintenance.adopt('analytics');
SELECT maintenance.adopt('maintenance');

SELECT maintenance.schedule_jobs();

SELECT maintenance.apply_slow_statement_threshold();

-- The job runs as nexus_owner, who may do so as owner of the database.
DO $do$
BEGIN
    IF current_setting('is_superuser')::boolean THEN
        GRANT SET
            ON PARAMETER log_min_duration_statement
            TO nexus_owner;
        IF EXISTS (SELECT
                     FROM pg_catalog.pg_database AS d
                     JOIN pg_catalog.pg_roles AS r
                       ON r.oid = d.datdba
                    WHERE d.datname = current_database()
                      AND r.rolsuper) THEN
            EXECUTE format('ALTER DATABASE %I OWNER TO nexus_owner', current_database());
            -- What else an owner may do stays with superusers.
            REVOKE CREATE
                ON SCHEMA public
                FROM pg_database_owner;
        END IF;
    END IF;
EXCEPTION
    -- Another database of the cluster is migrated at the same moment.
    WHEN internal_error OR unique_violation THEN NULL;
END
$do$;

GRANT USAGE
    ON SCHEMA monitoring
    TO pg_monitor;
GRANT SELECT
    ON ALL TABLES IN SCHEMA monitoring
    TO nexus_analyst, nexus_auditor, nexus_maintainer, pg_monitor;
GRANT EXECUTE
    ON FUNCTION monitoring.slow_statement_ms(), monitoring.statements(),
                monitoring.estimate_bloat()
    TO nexus_analyst, nexus_auditor, nexus_maintainer, pg_monitor;
GRANT SELECT
    ON analytics.monthly_pnl, analytics.venue_month_funding
    TO nexus_reader, nexus_positions, nexus_analytics, nexus_analyst, nexus_auditor;
GRANT EXECUTE
    ON FUNCTION maintenance.refresh_views(), maintenance.apply_slow_statement_threshold()
    TO nexus_maintainer;
