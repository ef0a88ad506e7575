-- Tables get the names of the glossary. A process of an older release that runs during an upgrade
-- goes on under the former names, which become updatable views.
ALTER TABLE processing.parked_wakes RENAME TO dead_letters;
ALTER TABLE processing.dead_letters RENAME COLUMN parked_at TO added_at;
ALTER TABLE processing.dead_letters RENAME COLUMN retry_requested TO redrive_requested;
ALTER INDEX processing.parked_wakes_pkey RENAME TO dead_letters_pkey;
ALTER INDEX processing.parked_wakes_retry RENAME TO dead_letters_redrive;
COMMENT ON TABLE processing.dead_letters IS
  'Notifications that a group gave up after its bounded attempts; an operator may redrive them.';
COMMENT ON COLUMN processing.dead_letters.redrive_requested IS
  'Set by an operator; the row is deleted when the notification is handled, the mark is reset when
   it fails again.';
CREATE VIEW processing.parked_wakes AS
SELECT group_name, stream, revision, type, position, attempts, error,
       added_at AS parked_at, redrive_requested AS retry_requested
FROM processing.dead_letters;
COMMENT ON VIEW processing.parked_wakes IS
  'The former name of processing.dead_letters, for processes of older releases.';
COMMENT ON COLUMN processing.checkpoints.position IS
  'Every event at or below it that the group subscribes to is processed. Never moves back.';

ALTER TABLE processing.handled_wakes RENAME TO processed_positions;
ALTER INDEX processing.handled_wakes_pkey RENAME TO processed_positions_pkey;
ALTER INDEX processing.handled_wakes_group RENAME TO processed_positions_group;
ALTER SEQUENCE processing.handled_wakes_number RENAME TO processed_positions_number;
COMMENT ON TABLE processing.processed_positions IS
  'The positions above its checkpoint that the members of a group processed, while Kafka delivers.';
COMMENT ON SEQUENCE processing.processed_positions_number IS
  'Of processing.processed_positions: by it the reconciliation knows which rows it has read.';
CREATE VIEW processing.handled_wakes AS
SELECT id, group_name, highest, positions FROM processing.processed_positions;
COMMENT ON VIEW processing.handled_wakes IS
  'The former name of processing.processed_positions, for processes of older releases.';
