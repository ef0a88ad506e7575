CREATE TABLE readmodel.organizations (
  id         text COLLATE "C" PRIMARY KEY,
  name       text NOT NULL,
  created_at timestamptz NOT NULL,
  position   bigint NOT NULL
);
CREATE INDEX organizations_by_position ON readmodel.organizations (position);
COMMENT ON TABLE readmodel.organizations IS
  'Every tenant.';
COMMENT ON COLUMN readmodel.organizations.id IS
  'org_<uuid>.';
COMMENT ON COLUMN readmodel.organizations.name IS
  'What the operator calls it.';
COMMENT ON COLUMN readmodel.organizations.created_at IS
  'Since when it exists.';
COMMENT ON COLUMN readmodel.organizations.position IS
  'Of the event that created it: the order of lists.';

CREATE TABLE readmodel.api_keys (
  id              text COLLATE "C" PRIMARY KEY,
  organization_id text COLLATE "C" NOT NULL,
  name            text NOT NULL,
  permission      text COLLATE "C" NOT NULL,
  hint            text NOT NULL,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz,
  revoked_at      timestamptz,
  position        bigint NOT NULL
);
CREATE INDEX api_keys_by_organization ON readmodel.api_keys (organization_id, created_at, id);
COMMENT ON TABLE readmodel.api_keys IS
  'Every API key there was. Neither a key nor its hash is here: a dump opens nothing.';
COMMENT ON COLUMN readmodel.api_keys.id IS
  'key_<uuid>.';
COMMENT ON COLUMN readmodel.api_keys.organization_id IS
  'Whose key it is.';
COMMENT ON COLUMN readmodel.api_keys.name IS
  'What its owner calls it.';
COMMENT ON COLUMN readmodel.api_keys.permission IS
  'FULL or EXECUTION_ONLY.';
COMMENT ON COLUMN readmodel.api_keys.hint IS
  'Its last four characters.';
COMMENT ON COLUMN readmodel.api_keys.created_at IS
  'Since when it may be used.';
COMMENT ON COLUMN readmodel.api_keys.expires_at IS
  'Until when; null for a key that does not expire.';
COMMENT ON COLUMN readmodel.api_keys.revoked_at IS
  'Since when it is refused; null while it is not.';
COMMENT ON COLUMN readmodel.api_keys.position IS
  'Of the last event that is in this row.';
