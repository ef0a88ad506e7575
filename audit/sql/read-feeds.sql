-- The order of the numbers is that of the log: a window over each feed, along its primary key.
SELECT 'org_' || e.organization_id AS organization_id, count(*) AS events,
  min(e.sequence) AS first, max(e.sequence) AS last,
  count(*) FILTER (WHERE e.position <= e.position_before) AS disordered
FROM (
  SELECT f.organization_id, f.sequence, f.position,
    lag(f.position) OVER (PARTITION BY f.organization_id ORDER BY f.sequence) AS position_before
  FROM readmodel.feed_events f
) e
GROUP BY e.organization_id
