-- Entries whose amount has not the sign of their two books, or whose balance is not the sum of the
-- entries up to it: how many of each organization, and the first.
SELECT e.organization_id, count(*) AS slips, min(e.position) AS first
FROM (
  SELECT l.*,
    sum(l.amount_micros) OVER (PARTITION BY l.organization_id ORDER BY l.position, l.leg) AS sum
  FROM readmodel.ledger_entries l
) e
WHERE e.balance_micros <> e.sum
  OR e.balance_micros < 0
  OR e.from_book = e.to_book
  OR e.amount_micros <> CASE 'available'
    WHEN e.to_book THEN abs(e.amount_micros)
    WHEN e.from_book THEN -abs(e.amount_micros)
    ELSE 0
  END
GROUP BY e.organization_id
