ALTER TABLE readmodel.timers ADD COLUMN endpoint text COLLATE "C";
COMMENT ON COLUMN readmodel.timers.endpoint IS
  'Of a delivery: the start of the digest of its organization and address.';
UPDATE readmodel.timers AS timer
SET endpoint = left(
  encode(sha256(convert_to(delivery.organization_id || ' ' || delivery.url, 'UTF8')), 'hex'), 16)
FROM readmodel.deliveries AS delivery
WHERE timer.kind = 'attempt-webhook' AND delivery.id = timer.delivery_id;
CREATE INDEX timers_of_deliveries ON readmodel.timers (organization_id, due_at, id)
  WHERE kind = 'attempt-webhook';
