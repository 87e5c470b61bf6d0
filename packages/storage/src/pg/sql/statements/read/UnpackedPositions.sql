-- With how far the log is compacted, where that is not what the rows are.
select k.partition_id, k.next_offset, p.cleaned_offset, p.delete_horizon
  from kafka.unpacked_positions k left join kafka.partitions p on p.partition_id = k.partition_id
    and (p.cleaned_offset is distinct from k.cleaned_offset or p.delete_horizon is distinct from k.delete_horizon)
