-- Every object of our schemas says what it is, and every constraint which truth it keeps.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT positions.ensure_month('2150-01-15 00:00:00+00');

CREATE TEMPORARY TABLE schemas AS
SELECT s.name::name AS name, s.name::regnamespace AS oid
  FROM unnest(ARRAY['positions', 'analytics', 'data_collector', 'funding', 'opportunities', 'risk',
                    'capital', 'config', 'audit', 'auth', 'maintenance', 'monitoring'])
       AS s (name);

-- The partitions that pg_partman makes have its names, and what their parents say.
CREATE TEMPORARY VIEW ours AS
SELECT c.oid, c.relkind, c.relispartition,
       format('%s.%s', s.name, c.relname) AS name,
       s.name IN ('positions', 'analytics') AS is_of_the_ledger
  FROM pg_class AS c
  JOIN schemas AS s
    ON s.oid = c.relnamespace
 WHERE NOT (c.relispartition AND c.relname ~ '_p[0-9]{4}');

SELECT is_empty(
    $$SELECT o.name
        FROM ours AS o
       WHERE o.relkind IN ('r', 'p', 'v', 'm')
         AND obj_description(o.oid, 'pg_class') IS NULL$$,
    'every table and view has a comment');

SELECT is_empty(
    $$SELECT o.name, a.attname
        FROM ours AS o
        JOIN pg_attribute AS a
          ON a.attrelid = o.oid
       WHERE o.relkind IN ('r', 'p', 'v', 'm')
         AND a.attnum > 0
         AND NOT a.attisdropped
         AND col_description(o.oid, a.attnum) IS NULL$$,
    'every column has a comment, those of views, slots and months too');

SELECT is_empty(
    $$SELECT p.oid::regprocedure
        FROM pg_proc AS p
       WHERE p.pronamespace IN (SELECT s.oid FROM schemas AS s)
         AND obj_description(p.oid, 'pg_proc') IS NULL$$,
    'every function has a comment');

SELECT is_empty(
    $$SELECT o.name
        FROM ours AS o
        JOIN pg_index AS i
          ON i.indexrelid = o.oid
       WHERE NOT o.relispartition
         AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = o.oid)
         AND obj_description(o.oid, 'pg_class') IS NULL$$,
    'every index that no constraint makes has a comment');

SELECT is_empty(
    $$SELECT k.conrelid::regclass, k.conname
        FROM pg_constraint AS k
        JOIN ours AS o
          ON o.oid = k.conrelid
       WHERE k.conname ~ '_(check|pkey|fkey|key|excl|not_null)[0-9]*$'
         -- One for each partition that is referred to.
         AND NOT (k.contype = 'f' AND k.conparentid <> 0)$$,
    'no constraint has a generated name, on slots and months neither');

SELECT is_empty(
    $$SELECT k.conrelid::regclass, k.conname
        FROM pg_constraint AS k
        JOIN ours AS o
          ON o.oid = k.conrelid
       WHERE k.conname !~ '_(is|are|has|have|was|ends|belongs|stands)_'
         AND NOT (k.contype = 'f' AND k.conparentid <> 0)$$,
    'every constraint is named as a truth');

SELECT is_empty(
    $$SELECT o.name
        FROM ours AS o
       WHERE o.relkind IN ('i', 'I')
         AND o.name ~ '_idx[0-9]*$'$$,
    'no index has a generated name');

SELECT is_empty(
    $$SELECT o.name
        FROM ours AS o
       WHERE o.relkind IN ('r', 'p')
         AND NOT EXISTS (SELECT
                           FROM pg_constraint AS k
                          WHERE k.conrelid = o.oid
                            AND k.contype = 'p')$$,
    'every table has a primary key');

SELECT is_empty(
    $$SELECT k.conrelid::regclass, k.conname
        FROM pg_constraint AS k
        JOIN ours AS o
          ON o.oid = k.conrelid
       WHERE k.contype = 'f'
         AND NOT EXISTS (SELECT
                           FROM pg_index AS i
                          WHERE i.indrelid = k.conrelid
                            AND i.indkey[0] = k.conkey[1])$$,
    'every foreign key has an index that leads with it');

SELECT is_empty(
    $$SELECT o.name, a.attname
        FROM ours AS o
        JOIN pg_attribute AS a
          ON a.attrelid = o.oid
       WHERE a.attnum > 0
         AND o.relkind IN ('r', 'p', 'v')
         AND o.name NOT LIKE 'monitoring.%'
         AND NOT (a.atttypid = 'jsonb'::regtype AND NOT o.is_of_the_ledger)
         AND NOT (o.name = 'risk.exposures' AND a.attname = 'notional')
         AND a.atttypid IN ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype,
                            'timestamp'::regtype, 'money'::regtype, 'jsonb'::regtype)
         AND format_type(a.atttypid, a.atttypmod) <> 'numeric(38,18)'
         AND NOT (o.name LIKE 'analytics.daily\_pnl\_rows%'
                  AND format_type(a.atttypid, a.atttypmod) = 'numeric')$$,
    'money and quantities are numeric(38,18) but in the sums of days, and times have a zone');

SELECT is_empty(
    $$SELECT o.name
        FROM ours AS o
        JOIN pg_class AS c
          ON c.oid = o.oid
       WHERE c.relowner <> 'nexus_owner'::regrole
       UNION ALL
      SELECT p.oid::regprocedure::text
        FROM pg_proc AS p
       WHERE p.pronamespace IN (SELECT s.oid FROM schemas AS s)
         AND p.proowner <> 'nexus_owner'::regrole$$,
    'nexus_owner owns everything');

SELECT is_empty(
    $$SELECT p.oid::regprocedure
        FROM pg_proc AS p
       WHERE p.pronamespace IN (SELECT s.oid FROM schemas AS s)
         AND p.prosecdef
         AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)$$,
    'a function with its owner''s rights finds no object of the caller''s');

SELECT is_empty(
    $$SELECT p.oid::regprocedure
        FROM pg_proc AS p
       CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
       WHERE p.pronamespace IN (SELECT s.oid FROM schemas AS s)
         AND p.prosecdef
         AND a.grantee = 0$$,
    'nobody may call a function with its owner''s rights by default');

SELECT is_empty(
    $$SELECT t.tgrelid::regclass, t.tgname
        FROM pg_trigger AS t
        JOIN ours AS o
          ON o.oid = t.tgrelid
       WHERE NOT t.tgisinternal
         AND NOT o.relispartition
         AND obj_description(t.oid, 'pg_trigger') IS NULL$$,
    'every trigger has a comment');

SELECT is_empty(
    $$SELECT o.name, t.slots
        FROM ours AS o
        CROSS JOIN LATERAL (
              SELECT array_agg(pg_get_expr(c.relpartbound, c.oid) ORDER BY c.relname)
                FROM pg_inherits AS i
                JOIN pg_class AS c
                  ON c.oid = i.inhrelid
               WHERE i.inhparent = o.oid
             ) AS t (slots)
       WHERE o.relkind = 'p'
         AND o.name LIKE '%\_rows'
         AND t.slots IS DISTINCT FROM ARRAY['FOR VALUES IN (''1'')', 'FOR VALUES IN (''2'')',
                                            'FOR VALUES IN (''3'')']$$,
    'every projection has the slots 1, 2 and 3');

SELECT * FROM finish();

ROLLBACK;
