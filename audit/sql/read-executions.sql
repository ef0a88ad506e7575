-- A body may hold text that PostgreSQL cannot take out of JSON, so its cost stays JSON until read.
SELECT e.organization_id, e.status, count(*) AS executions,
  trunc(1000000 * sum(nullif(trim('"' from (e.body->'cost')::text), 'null')::numeric))::text
    AS cost_micros
FROM readmodel.executions e
GROUP BY e.organization_id, e.status
