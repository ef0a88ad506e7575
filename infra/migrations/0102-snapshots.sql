-- A large account's snapshot has megabytes of random ids: compressing them takes longer than writing
-- them, and gains nothing.
ALTER TABLE eventstore.snapshots ALTER COLUMN state SET STORAGE EXTERNAL;
