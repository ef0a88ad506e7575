CREATE TABLE processing.slot_shares (
  provider   text        NOT NULL,
  holder     text        NOT NULL,
  slots      integer     NOT NULL,
  demand     integer     NOT NULL,
  ttl_ms     integer     NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (provider, holder)
) WITH (fillfactor = 50);
COMMENT ON TABLE processing.slot_shares IS
  'How many calls at once a process may have at a provider until when, by the clock of this
   database. Those of one provider that have not ended never add up to more than its bulkhead,
   but for calls that a process had when it could not renew in time.';
COMMENT ON COLUMN processing.slot_shares.slots IS 'No fewer than its calls in flight.';
COMMENT ON COLUMN processing.slot_shares.demand IS 'How many slots the process could use.';

-- What the holder is to have is decided before this, out of what others had then; what they have
-- been given since is theirs. The lock is held for one statement alone, so that a process that
-- stops holds nobody up, and each statement of a volatile function sees what was committed before.
CREATE FUNCTION processing.renew_slots(
  h text,
  ttl integer,
  w_provider text[],
  w_slots integer[],
  w_least integer[],
  w_limit integer[],
  w_demand integer[]
) RETURNS SETOF processing.slot_shares LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(426000001);
  DELETE FROM processing.slot_shares s
  WHERE CASE WHEN s.holder = h THEN s.provider <> ALL (w_provider)
             ELSE s.expires_at < clock_timestamp() - interval '1 minute' END;
  RETURN QUERY
  INSERT INTO processing.slot_shares AS own (provider, holder, slots, demand, ttl_ms, expires_at)
  SELECT w.provider, h, greatest(w.floor, least(w.slots, w.all_slots - (
           SELECT coalesce(sum(s.slots), 0)::integer
           FROM processing.slot_shares s
           WHERE s.provider = w.provider AND s.holder <> h
             AND s.expires_at > clock_timestamp()
             AND s.expires_at <= clock_timestamp() + s.ttl_ms * interval '1 millisecond'
         ))), w.demand, ttl, clock_timestamp() + ttl * interval '1 millisecond'
  FROM unnest(w_provider, w_slots, w_least, w_limit, w_demand)
    AS w (provider, slots, floor, all_slots, demand)
  ON CONFLICT (provider, holder) DO UPDATE
    SET slots = excluded.slots, demand = excluded.demand,
        ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at
  RETURNING own.*;
END
$$;
COMMENT ON FUNCTION processing.renew_slots IS
  'Gives a holder slots as far as others have left them, but no fewer than w_least; ends what it
   does not wish for, and deletes what ended long ago.';
