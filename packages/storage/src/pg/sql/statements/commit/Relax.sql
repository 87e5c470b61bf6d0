-- For the transaction it is in: its COMMIT does not wait for the disk.
select set_config('synchronous_commit', 'off', true)
