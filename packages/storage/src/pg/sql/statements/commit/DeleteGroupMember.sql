-- A null member id: all of the group. By ctid: see DeleteOutbox.
delete from kafka.group_members where ctid = any (array(
  select m.ctid from unnest($1::text[], $2::text[]) d (group_id, member_id)
  cross join lateral (
    select ctid from kafka.group_members where group_id = d.group_id and member_id = d.member_id
    union all
    select ctid from kafka.group_members where group_id = d.group_id and d.member_id is null offset 0) m))
