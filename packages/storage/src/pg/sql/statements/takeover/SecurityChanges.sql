-- What SQL has changed of security since it was read; the rest is told the next time.
select xid from kafka.security_changes order by xid limit 1000
