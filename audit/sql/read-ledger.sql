-- What moved between each two books of each organization, from the entries alone.
SELECT l.organization_id, l.from_book, l.to_book, sum(abs(l.amount_micros))::text AS micros
FROM readmodel.ledger_entries l
GROUP BY l.organization_id, l.from_book, l.to_book
