-- Why:   from here on every write has both forms, whichever of them the service knows: releases
--        from before and after the change run side by side, as they do while one is deployed. A
--        trigger does it, so that no release has to write both.
-- Locks: SHARE ROW EXCLUSIVE on example.rates for the trigger, ACCESS EXCLUSIVE for the check,
--        which is NOT VALID and so reads no row; both for a moment, with lock_timeout.
-- Takes: milliseconds.

CREATE OR REPLACE FUNCTION example.write_both_forms()
    RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    is_symbol_new boolean;
    is_parts_new  boolean;
BEGIN
    IF tg_op = 'INSERT' THEN
        is_symbol_new := new.symbol IS NOT NULL;
        is_parts_new  := new.base IS NOT NULL OR new.quote IS NOT NULL;
    ELSE
        is_symbol_new := new.symbol IS DISTINCT FROM old.symbol;
        is_parts_new  := (new.base, new.quote) IS DISTINCT FROM (old.base, old.quote);
    END IF;
    IF is_symbol_new AND is_parts_new THEN
        IF new.symbol IS DISTINCT FROM new.base || '/' || new.quote THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                MESSAGE = format('symbol %s is not base %s and quote %s', new.symbol, new.base,
                                 new.quote),
                HINT    = 'Write one of the two forms, or both alike.';
        END IF;
    ELSIF is_parts_new THEN
        new.symbol := new.base || '/' || new.quote;
    ELSE
        -- Also a row that is written for another reason, before the backfill comes to it.
        new.base  := split_part(new.symbol, '/', 1);
        new.quote := split_part(new.symbol, '/', 2);
    END IF;
    RETURN new;
END
$function$;

COMMENT ON FUNCTION example.write_both_forms() IS
    'Trigger: makes symbol from base and quote, or those from symbol, whichever was written. '
    'Raises 23514 where both were and differ.';

CREATE OR REPLACE TRIGGER rates_have_both_forms
    BEFORE INSERT OR UPDATE
    ON example.rates
    FOR EACH ROW
    EXECUTE FUNCTION example.write_both_forms();

COMMENT ON TRIGGER rates_have_both_forms ON example.rates IS
    'While releases that write symbol and releases that write base and quote run side by side.';

-- New rows keep it from now on; the old ones are looked at once they are backfilled.
DO $do$
BEGIN
    IF NOT EXISTS (SELECT
                     FROM pg_catalog.pg_constraint AS k
                    WHERE k.conrelid = 'example.rates'::regclass
                      AND k.conname = 'base_and_quote_are_given') THEN
        ALTER TABLE example.rates
            ADD CONSTRAINT base_and_quote_are_given
            CHECK (base IS NOT NULL
               AND quote IS NOT NULL)
            NOT VALID;
    END IF;
END
$do$;
