-- Ends a transaction that counted on rows being as they were left, when they are not.
create function catalog.must_be_one(moved bigint) returns void language plpgsql as $$
begin
  if moved <> 1 then
    raise exception 'the title is not as it was left' using errcode = 'serialization_failure';
  end if;
end $$;
