-- Of every status but `reserved`, which every new order is in and which costs it nothing here: also those that are few
-- among many. What is reserved is among the newest orders, no older than the oldest hold.
-- works with programs from 004
CREATE INDEX orders_by_every_status ON orders.orders (status, id) WHERE status <> 'reserved';
DROP INDEX orders.orders_by_status;
