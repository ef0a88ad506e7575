-- Entries of these types may be far apart; a HOLD and the RELEASE of its end never are, so that the
-- order of the account finds a page of them soon.
CREATE INDEX ledger_entries_by_rare_type
  ON readmodel.ledger_entries (organization_id, entry_type, position, leg)
  WHERE entry_type IN ('TOP_UP', 'ADJUSTMENT', 'SETTLEMENT');
-- An index over the times of all tenants' entries reads those of all tenants.
DROP INDEX readmodel.ledger_entries_by_time;
CREATE INDEX ledger_entries_by_time ON readmodel.ledger_entries (organization_id, at);
