SELECT b.organization_id, b.available_micros, b.held_micros, b.revision, b.position
FROM readmodel.account_balances b
