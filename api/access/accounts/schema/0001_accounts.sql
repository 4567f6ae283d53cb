-- Who may use the service. Unlike the read model this is no fold of the log and cannot be rebuilt: only a backup restores it. It
-- is the one place with personal data: erasing a row erases the person; the log knows ids only. Names are not qualified: the
-- connection's search path decides which schema is meant.

CREATE TABLE users (
  -- A uuid of ours, never used again: an erased user's orders stay nobody else's.
  user_id             text        PRIMARY KEY COLLATE "C",
  email               text        NOT NULL,
  -- The email in lower case, made by the api: the database's own rules depend on its locale.
  email_key           text        NOT NULL UNIQUE COLLATE "C",
  name                text        NOT NULL,
  role                text        NOT NULL CHECK (role IN ('customer', 'operator', 'admin')),
  -- PHC string: algorithm, parameters, salt and hash.
  password_hash       text        NOT NULL,
  -- Moves on with each new password: tokens carry it, so a new password ends the old ones.
  credentials_version integer     NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE clients (
  client_id   text        PRIMARY KEY COLLATE "C",
  name        text        NOT NULL,
  role        text        NOT NULL CHECK (role IN ('customer', 'operator', 'admin')),
  -- SHA-256 of 256 random bits: there is nothing to guess that a slow hash could protect.
  secret_hash bytea       NOT NULL CHECK (length(secret_hash) = 32),
  created_at  timestamptz NOT NULL DEFAULT now()
);
