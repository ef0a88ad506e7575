CREATE INDEX timers_by_kind ON readmodel.timers (kind, due_at, id);
DROP INDEX readmodel.timers_by_due;
