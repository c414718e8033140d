-- Why:   rows from before the trigger get base and quote: in batches that commit one by one, so
--        that no lock is held for long, no snapshot grows old, and nothing is done twice after a
--        crash. A migration makes the procedure; it is called from a session of its own, since a
--        procedure that commits can not be part of a migration's transaction:
--
--            CALL example.backfill_symbols();
--            CALL example.backfill_symbols(batch_rows => 500, pause => interval '200 ms');
--
--        Called again it goes on where it was, and does nothing once it has finished.
-- Locks: none but those on the rows of one batch, until it commits.
-- Takes: milliseconds for the migration; the call pauses after each batch as long as it is told.

CREATE OR REPLACE PROCEDURE example.backfill_symbols(
        batch_rows int DEFAULT 1000, pause interval DEFAULT interval '50 ms')
    LANGUAGE plpgsql
AS $procedure$
DECLARE
    -- Any fixed number will do; this one is only used here. No search_path is set, with which a
    -- procedure could not commit: so every name has its schema.
    backfill_lock CONSTANT bigint := 7088416218532299;
    from_id  bigint;
    to_id    bigint;
    filled   bigint;
BEGIN
    IF batch_rows IS NULL OR batch_rows NOT BETWEEN 1 AND 100000
    OR pause IS NULL OR pause < interval '0' OR pause > interval '1 minute' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('batch_rows: %s, pause: %s', coalesce(batch_rows::text, 'null'),
                             coalesce(pause::text, 'null')),
            HINT    = 'Give 1 to 100000 rows a batch and a pause of at most a minute.';
    END IF;
    -- Of the session, so that it is held from batch to batch, and gone when the session is.
    IF NOT pg_catalog.pg_try_advisory_lock(backfill_lock) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'lock_not_available',
            MESSAGE = 'the backfill runs already',
            HINT    = 'SELECT * FROM example.backfills shows how far it has come.';
    END IF;
    INSERT INTO example.backfills (backfill)
    VALUES ('symbols')
        ON CONFLICT DO NOTHING;
    LOOP
        SELECT b.last_id
          INTO from_id
          FROM example.backfills AS b
         WHERE b.backfill = 'symbols';
        -- Batches by key: each is read once, and none is as long as the table.
        SELECT max(r.rate_id)
          INTO to_id
          FROM (SELECT k.rate_id
                  FROM example.rates AS k
                 WHERE k.rate_id > from_id
                 ORDER BY k.rate_id
                 LIMIT batch_rows) AS r;
        EXIT WHEN to_id IS NULL;

        -- The trigger has filled what was written meanwhile.
        UPDATE example.rates AS r
           SET base = split_part(r.symbol, '/', 1),
               quote = split_part(r.symbol, '/', 2)
         WHERE r.rate_id > from_id
           AND r.rate_id <= to_id
           AND r.base IS NULL;
        GET DIAGNOSTICS filled = ROW_COUNT;
        UPDATE example.backfills AS b
           SET last_id = to_id,
               rows_filled = b.rows_filled + filled,
               batches = b.batches + 1,
               changed_at = clock_timestamp()
         WHERE b.backfill = 'symbols';
        COMMIT;
        RAISE NOTICE 'backfill symbols: rows after % to % done, % filled', from_id, to_id, filled;
        PERFORM pg_catalog.pg_sleep_for(pause);
    END LOOP;
    UPDATE example.backfills AS b
       SET finished_at = clock_timestamp()
     WHERE b.backfill = 'symbols'
       AND b.finished_at IS NULL;
    COMMIT;
    PERFORM pg_catalog.pg_advisory_unlock(backfill_lock);
END
$procedure$;

COMMENT ON PROCEDURE example.backfill_symbols(int, interval) IS
    'Fills base and quote of rows from before the trigger, batch_rows at a time, each batch a '
    'transaction of its own, with a pause between. Goes on where it was interrupted. Raises 22023 '
    'for bounds that make no sense, 55P03 when it runs already.';
