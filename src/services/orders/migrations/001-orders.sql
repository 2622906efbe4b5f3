-- OrderDb: orders, customers' limits, vouchers, the decisions of distributed transactions, and the sagas.

-- One row per distributed transaction: present and `committed` means committed; absent means aborted, once somebody
-- who asked has made it so by a row of its own. Whoever comes second fails on the key.
CREATE TABLE orders.decisions (
  transaction_id uuid PRIMARY KEY,
  outcome text NOT NULL CHECK (outcome IN ('committed', 'aborted')),
  -- Who must have finished before this row may be pruned.
  participants text[] NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders.orders (
  -- UUID version 7: it carries the time the order was placed, and orders sort by it.
  id uuid PRIMARY KEY,
  -- The first 16 bytes of SHA-256: of the Idempotency-Key, of the body that came with it, of the reader's token.
  idempotency_key uuid NOT NULL CONSTRAINT one_order_per_key UNIQUE,
  body_hash uuid NOT NULL,
  token_hash uuid NOT NULL,
  status text NOT NULL DEFAULT 'reserved' CHECK (status IN
    ('reserved', 'paid', 'confirmed', 'redeemed', 'expired', 'cancelled', 'refunded', 'failed')),
  version int NOT NULL DEFAULT 1,
  -- { customer: { name, email }, lines: [{ isbn, title, quantity, unitPrice }], total }, as sold: later changes of a
  -- book do not reach back. Never changed, so it is kept as the text it came as.
  details json NOT NULL,
  expires_at timestamptz NOT NULL,
  -- The saga at work on this order; while there is one, nothing else changes the order's course.
  saga_id uuid,
  -- { status, reason? } of the current or last payment.
  payment jsonb,
  -- The provider's key of the payment that was captured.
  payment_key text,
  transaction_id uuid NOT NULL
);

-- The holds of one group, which run out together: one row a group costs less than an index entry for each order.
CREATE TABLE orders.holds (
  transaction_id uuid PRIMARY KEY,
  order_ids uuid[] NOT NULL,
  -- When somebody looks which of them have run out.
  due_at timestamptz NOT NULL
);
CREATE INDEX holds_due ON orders.holds (due_at);
-- Read once or twice and then deleted: compressing them would cost more than anything else of a large group's rows.
ALTER TABLE orders.holds ALTER COLUMN order_ids SET STORAGE EXTERNAL;

-- What a watcher may have missed: version 1 is the order itself, later ones are noted here.
CREATE TABLE orders.history (
  order_id uuid NOT NULL,
  version int NOT NULL,
  status text NOT NULL,
  payment jsonb,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (order_id, version)
);

-- Copies of a limited title that a customer holds or has bought. The CHECK decides, whatever anybody read before.
CREATE TABLE orders.customer_titles (
  isbn text NOT NULL,
  -- The email address in lower case.
  customer text NOT NULL,
  quantity int NOT NULL CHECK (quantity >= 0),
  per_customer int NOT NULL,
  PRIMARY KEY (isbn, customer),
  CONSTRAINT customer_limit CHECK (quantity <= per_customer)
);

CREATE TABLE orders.vouchers (
  code text PRIMARY KEY,
  order_id uuid NOT NULL REFERENCES orders.orders,
  -- From 1, per order: exactly one voucher for each copy.
  number int NOT NULL,
  isbn text NOT NULL,
  title text NOT NULL,
  status text NOT NULL DEFAULT 'valid' CHECK (status IN ('valid', 'redeemed', 'revoked')),
  created_at timestamptz NOT NULL DEFAULT now(),
  -- When its PDF was found in the object store.
  stored_at timestamptz,
  redeemed_at timestamptz,
  redeemed_by text,
  revoked_at timestamptz
);
-- A second attempt after a revoked one may number its vouchers again.
CREATE UNIQUE INDEX one_voucher_per_copy ON orders.vouchers (order_id, number) WHERE status <> 'revoked';
CREATE INDEX vouchers_by_order ON orders.vouchers (order_id);

CREATE TABLE orders.sagas (
  id uuid PRIMARY KEY,
  order_id uuid NOT NULL,
  definition text NOT NULL,
  -- `running` and `compensating` are at work; the others are ends.
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'compensating', 'done', 'compensated')),
  step int NOT NULL DEFAULT 0,
  attempt int NOT NULL DEFAULT 0,
  -- What the steps need and leave for each other: { paymentToken?, reason? }.
  data jsonb NOT NULL DEFAULT '{}',
  due_at timestamptz NOT NULL DEFAULT now(),
  -- A worker holds the saga until then; its fence number must still be the row's when it writes.
  leased_until timestamptz,
  fence int NOT NULL DEFAULT 0,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sagas_due ON orders.sagas (due_at) WHERE state IN ('running', 'compensating');
CREATE UNIQUE INDEX one_saga_per_order ON orders.sagas (order_id) WHERE state IN ('running', 'compensating');

CREATE TABLE orders.saga_journal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  saga_id uuid NOT NULL,
  step text NOT NULL,
  event text NOT NULL CHECK (event IN ('ran', 'refused', 'compensated')),
  detail text,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX saga_journal_by_saga ON orders.saga_journal (saga_id);

CREATE TABLE orders.outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  payload json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE orders.outbox ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE orders.staff (
  -- In lower case.
  email text PRIMARY KEY,
  password_hash text NOT NULL,
  roles text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders.sessions (
  token_hash bytea PRIMARY KEY,
  email text NOT NULL REFERENCES orders.staff ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

-- Failed log-ins, by account: they are counted on the primary, so that no replica forgets one.
CREATE TABLE orders.login_failures (
  email text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_failures_by_email ON orders.login_failures (email, at);
CREATE INDEX login_failures_by_time ON orders.login_failures (at);
