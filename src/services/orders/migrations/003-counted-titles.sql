-- An order says which of its titles count towards a limit of the customer's, for only they may be given back to it: a
-- title may get its limit when some copies are sold. Orders from before this are taken to have been counted wherever
-- anybody's copies are.
UPDATE orders.orders SET details = left(details, -1) || ',"counted":' || (
    SELECT json_agg(line ->> 'isbn') FROM json_array_elements(details::json -> 'lines') AS line
     WHERE line ->> 'isbn' IN (SELECT isbn FROM orders.customer_titles))::text || '}'
  WHERE status IN ('reserved', 'paid', 'confirmed') AND EXISTS (
    SELECT FROM json_array_elements(details::json -> 'lines') AS line JOIN orders.customer_titles ON isbn = line ->> 'isbn');
