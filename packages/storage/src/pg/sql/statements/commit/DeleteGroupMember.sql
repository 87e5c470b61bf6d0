-- A null member id: all of the group.
delete from kafka.group_members m using unnest($1::text[], $2::text[]) d (group_id, member_id)
  where m.group_id = d.group_id and (d.member_id is null or m.member_id = d.member_id)
