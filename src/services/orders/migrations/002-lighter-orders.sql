-- What is checked for every new order has to be worth it. The details are written as JSON and read as JSON, so nobody
-- parses them on the way in; a status is one of a type's values, so no constraint goes through a list of them.
CREATE TYPE orders.order_status AS ENUM
  ('reserved', 'paid', 'confirmed', 'redeemed', 'expired', 'cancelled', 'refunded', 'failed');
ALTER TABLE orders.orders
  DROP CONSTRAINT orders_status_check,
  ALTER COLUMN status DROP DEFAULT,
  ALTER COLUMN status TYPE orders.order_status USING status::orders.order_status,
  ALTER COLUMN status SET DEFAULT 'reserved',
  ALTER COLUMN details TYPE text;
