-- The role itself, if it may log in, and all roles that it is a member of, directly or through others.
with recursive mine (oid) as (
  select r.oid from pg_catalog.pg_roles r
    where r.rolname::text = any ($1::text[]) and r.rolcanlogin and (r.rolvaliduntil is null or r.rolvaliduntil > now())
  union
  select m.roleid from pg_catalog.pg_auth_members m join mine on m.member = mine.oid
)
select r.rolname::text from mine join pg_catalog.pg_roles r on r.oid = mine.oid
