-- The lines that count towards a customer's limit say so, for only they may be given back to it: a title may get its
-- limit when some copies are sold. Orders from before this are taken to have been counted wherever anybody is.
UPDATE orders.orders SET details = json_build_object(
    'customer', details::json -> 'customer',
    'lines', (SELECT json_agg(CASE WHEN isbn IS NULL THEN line ELSE (line::jsonb || '{"counted":true}')::json END)
                FROM json_array_elements(details::json -> 'lines') AS line
                LEFT JOIN (SELECT DISTINCT isbn FROM orders.customer_titles) AS counted ON isbn = line ->> 'isbn'),
    'total', details::json -> 'total')::text
  WHERE status IN ('reserved', 'paid', 'confirmed') AND EXISTS (
    SELECT FROM json_array_elements(details::json -> 'lines') AS line JOIN orders.customer_titles ON isbn = line ->> 'isbn');
