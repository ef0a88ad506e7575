-- Appends a batch of units: a_* has one element per append, e_* one per event, p_* one per payload.
-- The outcome is as if the units were appended one after another.
--
-- The lock comes first, and is released only after the commit can be seen by everybody. Each later
-- statement of a volatile function sees what was committed before it began. So whoever holds the
-- lock sees every event there is, takes the next positions, and nobody ever sees a later position
-- before an earlier one, with any number of processes.
CREATE FUNCTION eventstore.append(
  a_unit integer[],       -- the unit's number; the first append of a unit is its lead
  a_stream text[],
  a_expected integer[],
  a_chained boolean[],    -- continues an earlier append of this batch to the same stream
  a_first integer[],      -- where its events begin in e_*, from 1
  e_stream text[],
  e_revision integer[],
  e_id uuid[],
  e_type text[],
  e_data text[],
  e_metadata text[],
  p_unit integer[],
  p_ref text[],
  p_organization_id text[],
  p_bytes bytea[],
  straight boolean,       -- every append could land, if only the streams end where they should
  OUT previous bigint,    -- the last position before this batch
  OUT statuses integer[], -- null when every append landed; else see append_one_by_one
  OUT revisions integer[],
  OUT positions bigint[]
) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(5471302966);
  SELECT coalesce(max(e.position), -1) INTO previous FROM eventstore.events e;

  IF NOT straight OR EXISTS (
    SELECT
    FROM unnest(a_stream, a_expected, a_chained) AS a (stream, expected, chained)
    WHERE NOT a.chained
      AND a.expected <> coalesce((
        SELECT e.revision FROM eventstore.events e
        WHERE e.stream = a.stream
        ORDER BY e.revision DESC
        LIMIT 1
      ), -1)
  ) THEN
    SELECT o.statuses, o.revisions, o.positions INTO statuses, revisions, positions
    FROM eventstore.append_one_by_one(
      previous, a_unit, a_stream, a_expected, a_first,
      e_id, e_type, e_data, e_metadata, p_unit, p_ref, p_organization_id, p_bytes
    ) o;
    RETURN;
  END IF;

  IF cardinality(p_ref) > 0 THEN
    INSERT INTO eventstore.payloads (ref, organization_id, bytes)
    SELECT * FROM unnest(p_ref, p_organization_id, p_bytes)
    ON CONFLICT DO NOTHING;
  END IF;

  INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata)
  SELECT previous + e.n, e.stream, e.revision, e.id, e.type, e.data, e.metadata
  FROM unnest(e_stream, e_revision, e_id, e_type, e_data, e_metadata)
    WITH ORDINALITY AS e (stream, revision, id, type, data, metadata, n);
END
$$;
COMMENT ON FUNCTION eventstore.append IS
  'Appends a batch of units in one round trip, in the order of the log.';

-- The batch has an append that does not fit. Tries each in its order; called under the lock.
-- Statuses: 1 landed, 2 repeated (the same events stand there), 3 conflict, 4 skipped.
CREATE FUNCTION eventstore.append_one_by_one(
  previous bigint,
  a_unit integer[],
  a_stream text[],
  a_expected integer[],
  a_first integer[],
  e_id uuid[],
  e_type text[],
  e_data text[],
  e_metadata text[],
  p_unit integer[],
  p_ref text[],
  p_organization_id text[],
  p_bytes bytea[],
  OUT statuses integer[],
  OUT revisions integer[],
  OUT positions bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
  appends integer := cardinality(a_stream);
  refused_units integer[] := '{}';
  head integer;
  last integer;       -- index of the append's last event
  at bigint := previous;
  repeat_at bigint;
BEGIN
  statuses := array_fill(NULL::integer, ARRAY[appends]);
  revisions := statuses;
  positions := statuses;
  FOR a IN 1 .. appends LOOP
    last := coalesce(a_first[a + 1], cardinality(e_id) + 1) - 1;
    revisions[a] := a_expected[a] + last - a_first[a] + 1;

    IF a_unit[a] = ANY (refused_units) THEN
      statuses[a] := 4;
      CONTINUE;
    END IF;

    head := coalesce((
      SELECT e.revision FROM eventstore.events e
      WHERE e.stream = a_stream[a]
      ORDER BY e.revision DESC
      LIMIT 1
    ), -1);

    IF head = a_expected[a] THEN
      FOR n IN a_first[a] .. last LOOP
        at := at + 1;
        INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata)
        VALUES (at, a_stream[a], head + 1 + n - a_first[a], e_id[n], e_type[n], e_data[n],
          e_metadata[n]);
      END LOOP;
      statuses[a] := 1;
      positions[a] := at;
      CONTINUE;
    END IF;

    repeat_at := NULL;
    IF head >= revisions[a] THEN
      FOR n IN a_first[a] .. last LOOP
        SELECT e.position INTO repeat_at FROM eventstore.events e
        WHERE e.stream = a_stream[a]
          AND e.revision = a_expected[a] + 1 + n - a_first[a]
          AND e.id = e_id[n];
        EXIT WHEN repeat_at IS NULL;
      END LOOP;
    END IF;
    IF repeat_at IS NOT NULL THEN
      statuses[a] := 2;
      positions[a] := repeat_at;
      CONTINUE;
    END IF;

    statuses[a] := 3;
    revisions[a] := head;
    IF a = 1 OR a_unit[a] <> a_unit[a - 1] THEN
      refused_units := refused_units || a_unit[a];
    END IF;
  END LOOP;

  -- A refused unit leaves no payload: its ref may be that of a unit which lands later.
  INSERT INTO eventstore.payloads (ref, organization_id, bytes)
  SELECT p.ref, p.organization_id, p.bytes
  FROM unnest(p_unit, p_ref, p_organization_id, p_bytes) AS p (unit, ref, organization_id, bytes)
  WHERE p.unit <> ALL (refused_units)
  ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION eventstore.append_one_by_one IS
  'The careful half of eventstore.append: recognises repeats, conflicts and what they skip.';
