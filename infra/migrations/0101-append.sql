-- Takes the append lock and answers the last position of the log.
--
-- The lock is released only after the commit can be seen by everybody, and each later statement of
-- a volatile function sees what was committed before it began. So whoever holds the lock sees every
-- event there is and takes the next positions, and nobody ever sees a later position before an
-- earlier one, with any number of processes.
CREATE FUNCTION eventstore.lock_head() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(5471302966);
  RETURN (SELECT coalesce(max(e.position), -1) FROM eventstore.events e);
END
$$;
COMMENT ON FUNCTION eventstore.lock_head IS
  'Holds up every other append until this transaction ends; answers the last position.';

-- h_*: streams that must end at a revision; e_*: the events; p_*: the payloads.
-- That a stream does not go on behind where it must end, the unique constraint tells: it fails the
-- whole batch. So streams that begin with this batch need not be looked up.
CREATE FUNCTION eventstore.append(
  h_stream text[],
  h_revision integer[],
  e_stream text[],
  e_revision integer[],
  e_id uuid[],
  e_type text[],
  e_data text[],
  e_metadata text[],
  p_ref text[],
  p_organization_id text[],
  p_bytes bytea[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  previous bigint := eventstore.lock_head();
BEGIN
  IF EXISTS (
    SELECT
    FROM unnest(h_stream, h_revision) AS h (stream, revision)
    WHERE h.revision IS DISTINCT FROM (
      SELECT e.revision FROM eventstore.events e
      WHERE e.stream = h.stream
      ORDER BY e.revision DESC
      LIMIT 1
    )
  ) THEN
    RETURN NULL;
  END IF;

  IF cardinality(p_ref) > 0 THEN
    INSERT INTO eventstore.payloads (ref, organization_id, bytes)
    SELECT unnest(p_ref), unnest(p_organization_id), unnest(p_bytes)
    ON CONFLICT DO NOTHING;
  END IF;

  -- Sets in the select list run side by side, without being collected first.
  INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata)
  SELECT
    generate_series(previous + 1, previous + cardinality(e_id)),
    unnest(e_stream),
    unnest(e_revision),
    unnest(e_id),
    unnest(e_type),
    unnest(e_data),
    unnest(e_metadata);
  RETURN previous;
END
$$;
COMMENT ON FUNCTION eventstore.append IS
  'Lands a batch behind the position that it answers, or nothing of it: then it answers null.';

-- For a batch of which something does not fit. a_* has one element per append, in the order in which
-- they are tried, as if their units were appended one after another; the first append of a unit is
-- its lead, and a_first is where its events begin in e_*, from 1.
CREATE FUNCTION eventstore.append_one_by_one(
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
  OUT statuses integer[], -- 1 landed, 2 repeated (the same events stand there), 3 conflict, 4 skipped
  OUT revisions integer[],
  OUT positions bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
  at bigint := eventstore.lock_head();
  refused_units integer[] := '{}';
  head integer;
  last integer; -- index of the append's last event
  repeat_at bigint;
BEGIN
  statuses := array_fill(NULL::integer, ARRAY[cardinality(a_stream)]);
  revisions := statuses;
  positions := statuses;
  FOR a IN 1 .. cardinality(a_stream) LOOP
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
  'The careful way to append: recognises repeats, conflicts and what they skip.';
