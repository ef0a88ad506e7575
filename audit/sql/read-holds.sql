SELECT h.organization_id, count(*) AS open, sum(h.amount_micros)::text AS micros
FROM readmodel.holds h
GROUP BY h.organization_id
