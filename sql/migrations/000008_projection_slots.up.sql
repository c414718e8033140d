-- Why:   gives each projection its three slots, so that a replay can fill a free one beside the
--        live one and an emptied one can be truncated. A slot is a partition, X_rows_1 … _3.
-- Locks: ACCESS EXCLUSIVE on the X_rows tables, which stops their readers and the worker.
-- Takes: about 100 ms.
--
-- The fillfactor leaves room for heap-only updates; a partitioned table cannot hold it for its
-- partitions. Keys and indexes of a slot get their parent's name and the slot's number instead of
-- a generated one, and the columns get their parent's comments.

DO $block$
DECLARE
    parent text;
    part   text;
    child  record;
BEGIN
    FOREACH parent IN ARRAY ARRAY[
        'positions.active_rows',
        'positions.legs_rows',
        'positions.history_rows',
        'analytics.position_days_rows',
        'analytics.daily_pnl_rows',
        'analytics.trade_stats_rows',
        'analytics.funding_collected_rows'
    ] LOOP
        FOR slot IN 1 .. 3 LOOP
            part := format('%s_%s', parent, slot);

            EXECUTE format('CREATE TABLE IF NOT EXISTS %s '
                           'PARTITION OF %s '
                           'FOR VALUES IN (%s) '
                           'WITH (fillfactor = 80)', part, parent, slot);
            EXECUTE format('COMMENT ON TABLE %s IS %L',
                           part, format('Slot %s of %s.', slot, parent));

            FOR child IN
                SELECT a.attname AS name,
                       col_description(a.attrelid, a.attnum) AS comment
                  FROM pg_catalog.pg_attribute AS a
                 WHERE a.attrelid = parent::regclass
                   AND a.attnum > 0
                   AND NOT a.attisdropped
                 ORDER BY a.attnum
            LOOP
                EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', part, child.name, child.comment);
            END LOOP;

            FOR child IN
                SELECT i.indexrelid::regclass AS generated,
                       format('%s_%s', p.relname, slot) AS name
                  FROM pg_catalog.pg_index AS i
                  JOIN pg_catalog.pg_inherits AS h
                    ON h.inhrelid = i.indexrelid
                  JOIN pg_catalog.pg_class AS p
                    ON p.oid = h.inhparent
                  JOIN pg_catalog.pg_class AS c
                    ON c.oid = i.indexrelid
                 WHERE i.indrelid = part::regclass
                   AND c.relname <> format('%s_%s', p.relname, slot)
                 ORDER BY p.relname
            LOOP
                EXECUTE format('ALTER INDEX %s RENAME TO %I', child.generated, child.name);
            END LOOP;
        END LOOP;
    END LOOP;
END
$block$;
