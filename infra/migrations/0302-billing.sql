CREATE TABLE readmodel.account_balances (
  organization_id  text COLLATE "C" PRIMARY KEY,
  available_micros bigint NOT NULL,
  held_micros      bigint NOT NULL,
  changed_at       timestamptz NOT NULL,
  revision         integer NOT NULL,
  position         bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE readmodel.account_balances IS
  'What stands on each account.';
COMMENT ON COLUMN readmodel.account_balances.organization_id IS
  'Whose account it is; its stream is account-<id>.';
COMMENT ON COLUMN readmodel.account_balances.available_micros IS
  'What may still be reserved.';
COMMENT ON COLUMN readmodel.account_balances.held_micros IS
  'The sum of the open holds.';
COMMENT ON COLUMN readmodel.account_balances.changed_at IS
  'Time of the last change.';
COMMENT ON COLUMN readmodel.account_balances.revision IS
  'Of the last event of the account that is in this row.';
COMMENT ON COLUMN readmodel.account_balances.position IS
  'Of the same event in the log.';

CREATE TABLE readmodel.ledger_entries (
  organization_id text COLLATE "C" NOT NULL,
  position        bigint NOT NULL,
  leg             integer NOT NULL,
  entry_type      text COLLATE "C" NOT NULL,
  amount_micros   bigint NOT NULL,
  balance_micros  bigint NOT NULL,
  from_book       text COLLATE "C" NOT NULL,
  to_book         text COLLATE "C" NOT NULL,
  execution_id    text COLLATE "C",
  at              timestamptz NOT NULL,
  PRIMARY KEY (organization_id, position, leg)
);
CREATE INDEX ledger_entries_by_execution ON readmodel.ledger_entries (execution_id)
  WHERE execution_id IS NOT NULL;
-- A few bytes per 128 pages: finds a month in years without a cost to the writer.
CREATE INDEX ledger_entries_by_time ON readmodel.ledger_entries USING brin (at);
COMMENT ON TABLE readmodel.ledger_entries IS
  'Every movement of money that an organization sees. Rows are inserted and never changed.';
COMMENT ON COLUMN readmodel.ledger_entries.organization_id IS
  'Whose account it is.';
COMMENT ON COLUMN readmodel.ledger_entries.position IS
  'Of the event in the log; with leg it orders an account''s entries.';
COMMENT ON COLUMN readmodel.ledger_entries.leg IS
  'Which of the event''s movements it is, from 0.';
COMMENT ON COLUMN readmodel.ledger_entries.entry_type IS
  'TOP_UP, HOLD, SETTLEMENT, RELEASE or ADJUSTMENT.';
COMMENT ON COLUMN readmodel.ledger_entries.amount_micros IS
  'Effect on the available money, signed: an account''s amounts add up to what is available.';
COMMENT ON COLUMN readmodel.ledger_entries.balance_micros IS
  'What is available after it.';
COMMENT ON COLUMN readmodel.ledger_entries.from_book IS
  'The book that is credited.';
COMMENT ON COLUMN readmodel.ledger_entries.to_book IS
  'The book that is debited by the same amount.';
COMMENT ON COLUMN readmodel.ledger_entries.execution_id IS
  'The execution that caused it; null for the operator''s own movements.';
COMMENT ON COLUMN readmodel.ledger_entries.at IS
  'When it happened.';

CREATE TABLE readmodel.holds (
  hold_id         text COLLATE "C" PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  execution_id    text COLLATE "C" NOT NULL,
  generation      integer NOT NULL,
  amount_micros   bigint NOT NULL,
  placed_at       timestamptz NOT NULL,
  position        bigint NOT NULL
);
CREATE INDEX holds_by_organization ON readmodel.holds (organization_id, position);
COMMENT ON TABLE readmodel.holds IS
  'The open holds; a hold that was settled or released is gone.';
COMMENT ON COLUMN readmodel.holds.hold_id IS
  'hold_<uuid>.';
COMMENT ON COLUMN readmodel.holds.organization_id IS
  'Whose money it is.';
COMMENT ON COLUMN readmodel.holds.execution_id IS
  'For which execution it is reserved.';
COMMENT ON COLUMN readmodel.holds.generation IS
  'The revision of the execution''s stream that it was placed for.';
COMMENT ON COLUMN readmodel.holds.amount_micros IS
  'How much is reserved.';
COMMENT ON COLUMN readmodel.holds.placed_at IS
  'When it was reserved.';
COMMENT ON COLUMN readmodel.holds.position IS
  'Of the event that placed it.';
