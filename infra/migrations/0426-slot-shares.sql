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
