SELECT d.status, count(*) AS deliveries
FROM readmodel.deliveries d
GROUP BY d.status
