COMMENT ON TABLE readmodel.execution_labels IS
  'What lists are filtered by where time and model do not suffice: each pair of metadata, every '
  'status that is rare, being dispatched, and what waits for a model, by which places are counted. '
  'Beside executions, so that filters cost who uses them.';
