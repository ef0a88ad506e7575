-- That of an unlogged table begins again after a crash, and the sweep would look behind it.
CREATE SEQUENCE processing.handled_wakes_number;
SELECT setval(
  'processing.handled_wakes_number',
  nextval(pg_get_serial_sequence('processing.handled_wakes', 'id'))
);
ALTER TABLE processing.handled_wakes
  ALTER COLUMN id DROP IDENTITY,
  ALTER COLUMN id SET DEFAULT nextval('processing.handled_wakes_number');
COMMENT ON SEQUENCE processing.handled_wakes_number IS
  'Of processing.handled_wakes: by it the sweep knows which rows it has read.';
