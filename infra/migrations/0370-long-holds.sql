-- Null in rows of earlier releases until the projection's version 2 is built from the log.
ALTER TABLE readmodel.holds ADD COLUMN revision integer;
COMMENT ON COLUMN readmodel.holds.revision IS
  'Of the event that placed it, in the account''s stream.';

CREATE TABLE readmodel.long_holds (
  organization_id text COLLATE "C" NOT NULL,
  span_class      integer NOT NULL,
  position        bigint NOT NULL,
  ended_position  bigint NOT NULL,
  hold_id         text COLLATE "C" NOT NULL,
  execution_id    text COLLATE "C" NOT NULL,
  generation      integer NOT NULL,
  amount_micros   bigint NOT NULL,
  placed_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, span_class, position)
);
COMMENT ON TABLE readmodel.long_holds IS
  'Holds that ended after more than a thousand further events of their account: with the account''s '
  'last thousand events they tell which holds were open at any position.';
COMMENT ON COLUMN readmodel.long_holds.organization_id IS
  'Whose money it was.';
COMMENT ON COLUMN readmodel.long_holds.span_class IS
  'The whole part of the binary logarithm of the positions that it was open for: those of a class '
  'that were open at a position were placed within a span of twice its size before.';
COMMENT ON COLUMN readmodel.long_holds.position IS
  'Of the event that placed it.';
COMMENT ON COLUMN readmodel.long_holds.ended_position IS
  'Of the event that ended it.';
COMMENT ON COLUMN readmodel.long_holds.hold_id IS
  'hold_<uuid>.';
COMMENT ON COLUMN readmodel.long_holds.execution_id IS
  'For which execution it was reserved.';
COMMENT ON COLUMN readmodel.long_holds.generation IS
  'The revision of the execution''s stream that it was placed for.';
COMMENT ON COLUMN readmodel.long_holds.amount_micros IS
  'How much was reserved.';
COMMENT ON COLUMN readmodel.long_holds.placed_at IS
  'When it was reserved.';
