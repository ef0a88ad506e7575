INSERT INTO eventstore.payloads (ref, organization_id, bytes)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bytea[])
ON CONFLICT DO NOTHING
