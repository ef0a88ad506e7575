SELECT coalesce(max(position), -1) FROM eventstore.events
