SELECT e.organization_id, e.status, count(*) AS executions
FROM readmodel.executions e
GROUP BY e.organization_id, e.status
