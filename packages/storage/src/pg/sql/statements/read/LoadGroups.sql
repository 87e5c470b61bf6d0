select g.group_id, g.kind, g.value, m.member_id, m.value from kafka.groups g
  left join kafka.group_members m on m.group_id = g.group_id order by g.group_id
