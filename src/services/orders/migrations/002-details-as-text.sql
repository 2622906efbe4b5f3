-- The details are written as JSON and read as JSON; that they are JSON need not be checked again for every order.
ALTER TABLE orders.orders ALTER COLUMN details TYPE text;
