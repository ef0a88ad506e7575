ALTER TABLE datakeys.keys ADD COLUMN added_number bigint;
COMMENT ON COLUMN datakeys.keys.added_number IS
  'Of a key that follows another one of its organization; counted together with destroyed_number.';
CREATE INDEX keys_added ON datakeys.keys (added_number) WHERE added_number IS NOT NULL;

-- Changes are numbered one after another, so that whoever reads on from one misses none. Whoever
-- makes one holds the lock until it can be seen.
CREATE FUNCTION datakeys.next_number() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1801812339);
  RETURN (
    SELECT coalesce(greatest(max(destroyed_number), max(added_number)), 0) + 1 FROM datakeys.keys
  );
END
$$;

-- Destroys every key of an organization, and nothing else: the role that runs may do so, and may
-- change no key. A key that is made meanwhile is found by the last statement.
CREATE FUNCTION datakeys.destroy(whose text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  number bigint := datakeys.next_number();
BEGIN
  UPDATE datakeys.keys
  SET wrapped = NULL, destroyed_at = clock_timestamp(), destroyed_number = number
  WHERE organization_id = whose AND wrapped IS NOT NULL;
  IF FOUND THEN RETURN true; END IF;
  INSERT INTO datakeys.keys (id, organization_id, version, destroyed_at, destroyed_number)
  VALUES (gen_random_uuid(), whose, 1, clock_timestamp(), number)
  ON CONFLICT (organization_id, version) DO NOTHING;
  IF FOUND THEN RETURN true; END IF;
  UPDATE datakeys.keys
  SET wrapped = NULL, destroyed_at = clock_timestamp(), destroyed_number = number
  WHERE organization_id = whose AND wrapped IS NOT NULL;
  RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION datakeys.next_number(), datakeys.destroy(text) FROM PUBLIC;
