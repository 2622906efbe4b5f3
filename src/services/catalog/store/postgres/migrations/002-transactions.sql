-- Distributed transactions that moved stock: each is prepared once, however often the request for it arrives.
create table catalog.transactions (
  id uuid primary key,
  prepared_at timestamptz not null default now()
);
