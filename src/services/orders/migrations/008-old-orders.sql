-- Orders that have long been at rest are put away, so that what sells works on small tables: parted by the quarter of
-- their ids, which carry their time. Whoever reads an order that may be old reads the views; whoever changes one brings it
-- back first. A column added to one of these tables is added to its old one and to its view as well.
-- works with programs from 004
CREATE TABLE orders.old_orders (LIKE orders.orders, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE INDEX old_orders_by_status ON orders.old_orders (status, id);

CREATE TABLE orders.old_history (LIKE orders.history, PRIMARY KEY (order_id, version)) PARTITION BY RANGE (order_id);
CREATE INDEX old_history_by_time ON orders.old_history USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

CREATE TABLE orders.old_vouchers (LIKE orders.vouchers, PRIMARY KEY (order_id, code)) PARTITION BY RANGE (order_id);
CREATE INDEX old_vouchers_by_code ON orders.old_vouchers (code);

CREATE TABLE orders.old_sagas (LIKE orders.sagas, PRIMARY KEY (order_id, id)) PARTITION BY RANGE (order_id);

-- Steps are put away with the order of their saga.
CREATE TABLE orders.old_saga_journal (order_id uuid NOT NULL, LIKE orders.saga_journal, PRIMARY KEY (order_id, id))
  PARTITION BY RANGE (order_id);

CREATE TABLE orders.old_listed (LIKE orders.listed, PRIMARY KEY (key, order_id)) PARTITION BY RANGE (order_id);

-- An Idempotency-Key is used once, however long ago. Keys are noted here before their orders are put away, and stay.
CREATE TABLE orders.old_keys (
  key uuid PRIMARY KEY,
  order_id uuid NOT NULL
);

CREATE FUNCTION orders.refuse_old_key() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an old order has this key'
    USING ERRCODE = 'unique_violation', CONSTRAINT = 'one_order_per_key', SCHEMA = 'orders', TABLE = 'old_keys';
END $$;

CREATE VIEW orders.all_orders AS SELECT * FROM orders.orders UNION ALL SELECT * FROM orders.old_orders;
CREATE VIEW orders.all_history AS SELECT * FROM orders.history UNION ALL SELECT * FROM orders.old_history;
CREATE VIEW orders.all_vouchers AS SELECT * FROM orders.vouchers UNION ALL SELECT * FROM orders.old_vouchers;
CREATE VIEW orders.all_sagas AS SELECT * FROM orders.sagas UNION ALL SELECT * FROM orders.old_sagas;
CREATE VIEW orders.all_saga_journal AS
  SELECT id, saga_id, step, event, detail, at FROM orders.saga_journal
  UNION ALL SELECT id, saga_id, step, event, detail, at FROM orders.old_saga_journal;
CREATE VIEW orders.all_listed AS SELECT * FROM orders.listed UNION ALL SELECT * FROM orders.old_listed;

-- Who waits for a PDF is asked for every few seconds, and there are few: without reading all vouchers there ever were.
CREATE INDEX vouchers_unstored ON orders.vouchers (order_id) WHERE stored_at IS NULL AND status = 'valid';

-- Programs of the version before would not find what was put away: it is begun with a day after this.
INSERT INTO orders.marks (name, at) VALUES ('old orders may be put away', now() + interval '1 day') ON CONFLICT DO NOTHING;
