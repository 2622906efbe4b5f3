-- Vouchers that are done with, by when they were: whoever deletes their PDFs reads those of a page, not all there ever were.
-- One that is valid costs nothing here.
-- works with programs from 004
CREATE INDEX vouchers_done_with ON orders.vouchers ((coalesce(redeemed_at, revoked_at)), code) WHERE status <> 'valid';
CREATE INDEX old_vouchers_done_with ON orders.old_vouchers ((coalesce(redeemed_at, revoked_at)), code)
  WHERE status <> 'valid';
