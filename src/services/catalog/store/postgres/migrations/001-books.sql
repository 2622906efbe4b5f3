-- BookDb: what the shop sells and how many copies of it there are.

create schema if not exists catalog;

-- All three are trusted extensions: the owner of the database may create them.
create extension if not exists unaccent;
create extension if not exists pg_trgm;

-- How text is compared in searches: without case, accents and punctuation, words parted by one space. Initials are
-- joined, so that "J.R.R.", "J. R. R." and "JRR" are one word; CJK characters are words of their own, because nothing
-- in the text parts them. pg_c_utf8 comes with PostgreSQL itself and orders alike on every machine, so that indexes
-- built on one may be read on another.
create function catalog.fold(value text) returns text
  language sql immutable strict parallel safe
  set search_path = catalog, public, pg_catalog
as $$
  with plain as (
    select lower(unaccent(normalize(value, nfkc)) collate pg_c_utf8) as text
  ), elided as (
    select regexp_replace(replace(text, '&', ' and '), '[''’ʼ`](?=(?:s|t|d|m|re|ll|ve)\M)', '', 'g') as text from plain
  ), words as (
    select btrim(regexp_replace(text, '[^[:alnum:]]+', ' ', 'g')) as text from elided
  ), initials as (
    select regexp_replace(text, '(?<=\m\w) (?=\w\M)', '', 'g') as text from words
  )
  select btrim(regexp_replace(
    regexp_replace(text, '([\u2E80-\u9FFF\uF900-\uFAFF])', ' \1 ', 'g'), ' +', ' ', 'g'))
  from initials
$$;

-- What a title is sorted by and called by: folded, without a series in brackets behind it ("Dune (Dune, #1)"), and short
-- enough for an index entry.
create function catalog.title_key(title text) returns text
  language sql immutable strict parallel safe
as $$
  select left(coalesce(nullif(catalog.fold(regexp_replace(title, '\s*\([^()]*\)\s*$', '')), ''), catalog.fold(title)), 200)
$$;

-- A text search vector of folded words in their order. The words are already cut, and no parser may cut them again.
create function catalog.words_of(folded text, weight text) returns tsvector
  language sql immutable strict parallel safe
as $$
  select coalesce(string_agg(left(word, 64) || ':' || least(place, 16383) || weight, ' ' order by place), '')::tsvector
  from unnest(string_to_array(folded, ' ')) with ordinality as w (word, place)
  where word <> ''
$$;

create function catalog.names_of(contributors jsonb) returns text
  language sql immutable strict parallel safe
as $$
  select coalesce(string_agg(c ->> 'name', ' | '), '') from jsonb_array_elements(contributors) as c
$$;

create function catalog.joined(parts text[]) returns text
  language sql immutable strict parallel safe
as $$ select array_to_string(parts, ' | ') $$;

-- The ten digits without the check digit: enough to find a book while its ISBN-10 is typed.
create function catalog.isbn10_stem(isbn text) returns text
  language sql immutable strict parallel safe
as $$ select case when isbn like '978%' then substr(isbn, 4, 9) else '' end $$;

-- Year, month or day as a number that sorts; books without a date come first.
create function catalog.published_sort(published_on text) returns int
  language sql immutable parallel safe
as $$
  select case when published_on ~ '^-?\d{4}(-\d\d(-\d\d)?)?$' then
    case when published_on like '-%' then -1 else 1 end * substr(ltrim(published_on, '-'), 1, 4)::int * 10000
    + coalesce(nullif(substr(ltrim(published_on, '-'), 6, 2), '')::int, 0) * 100
    + coalesce(nullif(substr(ltrim(published_on, '-'), 9, 2), '')::int, 0)
  else -2147483648 end
$$;

create table catalog.books (
  isbn text primary key check (isbn ~ '^97[89]\d{10}$'),
  title text not null,
  subtitle text,
  contributors jsonb not null default '[]',
  publisher text,
  published_on text,
  published_sort int not null generated always as (catalog.published_sort(published_on)) stored,
  -- BCP 47, and its first part, by which readers choose.
  language text,
  language_primary text generated always as (split_part(language, '-', 1)) stored,
  format text not null default 'book',
  description text,
  subjects text[] not null default '{}',
  price_amount bigint not null check (price_amount >= 0),
  price_currency text not null,
  -- null where the shop draws the cover itself.
  cover text,
  limited boolean not null default false,
  per_customer int check (per_customer > 0),
  sales_open_at timestamptz,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  title_folded text collate pg_c_utf8 not null generated always as (catalog.title_key(title)) stored,
  search tsvector not null generated always as (
    catalog.words_of(catalog.fold(title), 'A')
    || catalog.words_of(coalesce(catalog.fold(subtitle), ''), 'C')
    || catalog.words_of(catalog.fold(catalog.names_of(contributors)), 'B')
    || catalog.words_of(catalog.fold(catalog.joined(subjects)), 'D')
    || catalog.words_of(isbn || ' ' || catalog.isbn10_stem(isbn), 'D')
  ) stored
);
create index books_search on catalog.books using gin (search) with (fastupdate = off);
create index books_subjects on catalog.books using gin (subjects) with (fastupdate = off);
create index books_title on catalog.books (title_folded, isbn);
create index books_price on catalog.books (price_amount, isbn);
create index books_sales_open on catalog.books (sales_open_at) where sales_open_at is not null;
create index books_published on catalog.books (published_sort, isbn);

-- Every word that some book is found by, so that a word nobody wrote can be read as the nearest one. Words stay when
-- their last book goes; they then lead to nothing.
create table catalog.words (word text collate pg_c_utf8 primary key);
create index words_alike on catalog.words using gist (word gist_trgm_ops (siglen = 64));

create function catalog.collect_words() returns trigger language plpgsql as $$
begin
  -- In order, so that two writers with the same new words wait for each other and never in a ring.
  insert into catalog.words (word)
  select distinct word collate pg_c_utf8 from changed, unnest(tsvector_to_array(search)) as word
  where word !~ '^\d{9,}$' order by 1
  on conflict do nothing;
  return null;
end $$;
create trigger books_words_inserted after insert on catalog.books
  referencing new table as changed for each statement execute function catalog.collect_words();
create trigger books_words_updated after update on catalog.books
  referencing new table as changed for each statement execute function catalog.collect_words();

-- Available = copies - held - sold. Only the key is indexed and half of each page is left free, so that the row of a
-- title in demand is updated in place (heap-only tuples).
create table catalog.stock (
  isbn text primary key references catalog.books on delete cascade,
  copies int not null default 0,
  held int not null default 0,
  sold int not null default 0,
  version bigint not null default 1,
  updated_at timestamptz not null default now(),
  constraint stock_never_oversold check (copies >= 0 and held >= 0 and sold >= 0 and held + sold <= copies)
) with (fillfactor = 50);

-- Every movement of stock, for ever: per title the deltas add up to the stock row.
create table catalog.ledger (
  id bigint generated always as identity primary key,
  -- The distributed transaction that moved it; null for movements of this database alone.
  transaction_id uuid,
  isbn text not null,
  movement text not null,
  copies_delta int not null default 0,
  held_delta int not null default 0,
  sold_delta int not null default 0,
  reason text,
  at timestamptz not null default now()
);

create function catalog.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'catalog.% only grows', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger ledger_only_grows before update or delete or truncate on catalog.ledger
  for each statement execute function catalog.refuse_change();

create table catalog.outbox (
  id bigserial primary key,
  topic text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);

create table catalog.imports (
  id uuid primary key,
  status text not null default 'running' check (status in ('running', 'done', 'failed')),
  read int not null default 0,
  created int not null default 0,
  updated int not null default 0,
  unchanged int not null default 0,
  rejected int not null default 0,
  errors jsonb not null default '[]',
  started_at timestamptz not null default now(),
  -- Moves while the importing process lives; one that stopped moving has died.
  alive_at timestamptz not null default now(),
  finished_at timestamptz
);

-- What is done once in the life of the database, such as loading the sample catalogue.
create table catalog.marks (
  name text primary key,
  at timestamptz not null default now()
);
