-- News is read once and then deleted: to take it apart and compress it would cost more than all else of a large group.
alter table catalog.outbox alter column payload type json;
alter table catalog.outbox alter column payload set storage external;
