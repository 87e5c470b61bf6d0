import type { KnownGroup } from "./Facts.ts"

/** What SQL sessions do after the broker is gone, by the newest step of the schema, and what clients know of it. */
interface SqlWork {
  readonly sql: string
  readonly outbox: ReadonlyArray<string>
  readonly groups: ReadonlyArray<KnownGroup>
}

const RECORDS_ON = "insert into kafka.configs values (2, 'orders', 'tusk.sql.records', 'on');"
const PRODUCE = `select kafka.allow('User:shop', 'write', 'orders');
  select kafka.produce('orders', 'sql 0', partition => 0, dedup => 'once'), kafka.produce('orders', 'sql 1', partition => 0);`
const CLAIM =
  "select kafka.commit_offsets('workers', 'orders', 1, 4, c.claim) from kafka.claim('workers', 'orders', 1) c;"

const outbox = ["sql 0", "sql 1"]
const workers: KnownGroup = { groupId: "workers", type: "classic", members: [], committed: [-1, 4] }

export const sqlWork: Readonly<Record<string, SqlWork>> = {
  "0013": {
    sql: `insert into kafka.outbox (partition_id, value) select p.partition_id, v.value::bytea
      from kafka.partitions p join kafka.topics t using (topic_id), (values ('sql 0'), ('sql 1')) v (value)
      where t.name = 'orders' and p.partition_index = 0; select kafka.allow('User:shop', 'write', 'orders')`,
    outbox,
    groups: []
  },
  "0014": { sql: PRODUCE, outbox, groups: [] },
  "0015": { sql: `${RECORDS_ON} ${PRODUCE}`, outbox, groups: [] },
  "0016": { sql: `${PRODUCE} ${CLAIM}`, outbox, groups: [workers] }
}
