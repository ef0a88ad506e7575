SELECT p.ref, p.bytes FROM eventstore.payloads p WHERE p.ref = ANY ($1::text[])
