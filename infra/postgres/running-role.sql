-- Gives the role that runs what it needs, and the log to the role that migrates: the log's tables
-- can then be read and added to by the one that runs, and neither changed nor dropped. The setting
-- modelroute.running_role names it. What stands as it should is left alone.
DO $$
DECLARE
  runs text := current_setting('modelroute.running_role');
  target name;
  one record;
BEGIN
  -- Owners of tables must be allowed to create in their schema, and owners of it in the database.
  EXECUTE format('GRANT USAGE, CREATE ON SCHEMA readmodel TO %I', runs);
  FOR one IN
    SELECT nspname, pg_get_userbyid(nspowner) AS owner
    FROM pg_namespace
    WHERE nspname IN ('eventstore', 'processing', 'deciding', 'proof', 'datakeys', 'readmodel')
  LOOP
    target := CASE one.nspname WHEN 'readmodel' THEN runs ELSE current_user END;
    CONTINUE WHEN one.owner = target;
    IF has_database_privilege(target, current_database(), 'CREATE') THEN
      EXECUTE format('ALTER SCHEMA %I OWNER TO %I', one.nspname, target);
    ELSE
      EXECUTE format('GRANT CREATE ON DATABASE %I TO %I', current_database(), target);
      EXECUTE format('ALTER SCHEMA %I OWNER TO %I', one.nspname, target);
      EXECUTE format('REVOKE CREATE ON DATABASE %I FROM %I', current_database(), target);
    END IF;
  END LOOP;

  -- Sequences of columns follow their tables.
  FOR one IN
    SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner) AS owner
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND (n.nspname IN ('eventstore', 'processing', 'deciding', 'proof', 'datakeys', 'readmodel')
        OR (n.nspname = 'public' AND c.relname = 'schema_migrations'))
      AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
          AND c.relkind = 'S'
      )
  LOOP
    target := CASE one.nspname WHEN 'readmodel' THEN runs ELSE current_user END;
    CONTINUE WHEN one.owner = target;
    EXECUTE format('ALTER TABLE %I.%I OWNER TO %I', one.nspname, one.relname, target);
  END LOOP;
  FOR one IN
    SELECT p.oid::regprocedure AS signature
    FROM pg_proc p
    WHERE p.pronamespace IN ('eventstore'::regnamespace, 'datakeys'::regnamespace)
      AND pg_get_userbyid(p.proowner) <> current_user
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO %I', one.signature, current_user);
  END LOOP;

  EXECUTE format('GRANT USAGE ON SCHEMA eventstore, processing, deciding, proof, datakeys '
    'TO %I', runs);
  EXECUTE format('REVOKE CREATE ON SCHEMA eventstore, processing, deciding, proof, datakeys '
    'FROM %I', runs);
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA eventstore FROM %I', runs);
  EXECUTE format('GRANT SELECT, INSERT ON eventstore.events TO %I', runs);
  -- What was refused leaves no payload behind, and snapshots are a cache.
  EXECUTE format('GRANT SELECT, INSERT, DELETE ON eventstore.payloads TO %I', runs);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON eventstore.snapshots TO %I', runs);
  EXECUTE format(
    'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA processing, deciding TO %I', runs);
  EXECUTE format(
    'GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA processing, deciding TO %I', runs);
  -- What was signed is never changed; the tree is made again after the log has moved.
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA proof FROM %I', runs);
  EXECUTE format('GRANT SELECT, INSERT ON proof.checkpoints, proof.keys TO %I', runs);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON proof.tree, proof.tiles, '
    'proof.feed_counts, proof.feed_leaves TO %I', runs);
  -- The role that runs makes keys, and may have all of an organization destroyed; it changes none.
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA datakeys FROM %I', runs);
  EXECUTE format('GRANT SELECT, INSERT ON datakeys.keys TO %I', runs);
  EXECUTE format('GRANT EXECUTE ON FUNCTION datakeys.next_number(), datakeys.destroy(text) '
    'TO %I', runs);
  EXECUTE format('GRANT SELECT ON public.schema_migrations TO %I', runs);
END
$$;
