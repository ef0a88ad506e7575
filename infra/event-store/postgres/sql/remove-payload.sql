DELETE FROM eventstore.payloads WHERE ref = $1
