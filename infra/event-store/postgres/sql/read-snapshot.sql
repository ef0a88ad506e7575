SELECT revision, version, state FROM eventstore.snapshots WHERE stream = $1
