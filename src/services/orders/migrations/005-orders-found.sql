-- Staff find orders by address and by title. A sale writes one row for its whole group, and the index of its orders is
-- made from it a moment later; what is not in the index yet is looked through.
-- works with programs from 004
CREATE TABLE orders.unlisted (
  transaction_id uuid PRIMARY KEY,
  order_ids uuid[] NOT NULL
);
ALTER TABLE orders.unlisted ALTER COLUMN order_ids SET STORAGE EXTERNAL;

CREATE TABLE orders.listed (
  -- MD5 of `email ` and the address in lower case, or of `isbn ` and the ISBN.
  key uuid NOT NULL,
  order_id uuid NOT NULL,
  PRIMARY KEY (key, order_id)
);

INSERT INTO orders.unlisted (transaction_id, order_ids)
SELECT gen_random_uuid(), array_agg(id)
  FROM (SELECT id, row_number() OVER (ORDER BY id) / 256 AS batch FROM orders.orders) o GROUP BY batch;

-- Those that most orders are in cost nothing here, and need no index to be found.
CREATE INDEX orders_by_status ON orders.orders (status, id) WHERE status NOT IN ('reserved', 'confirmed');
