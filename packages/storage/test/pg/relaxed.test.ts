import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { isRelaxed, Write } from "../../src/port/Write.ts"
import type { Unit } from "../../src/port/Write.ts"
import { append, topic } from "./Appends.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const relaxed = (offset: bigint): Write => ({
  ...(append(offset) as Extract<Write, { _tag: "Append" }>),
  relaxed: true
})
const epoch = Write.PutLeaderEpoch({ partitionId: 1, epoch: 1, startOffset: 0n })
const snapshot = Write.PutProducerSnapshot({ partitionId: 1, endOffset: 1n, value: new Uint8Array(1) })
const offset = Write.PutOffset({
  groupId: "g",
  partitionId: 1,
  offset: 1n,
  leaderEpoch: -1,
  metadata: null,
  commitTimestamp: 0n,
  expireTimestamp: -1n
})
const group = Write.PutGroup({ groupId: "g", kind: "classic", value: "{}" })

describe("a commit need not wait for the disk", () => {
  const cases: ReadonlyArray<readonly [boolean, string, ReadonlyArray<Unit>]> = [
    [true, "relaxed appends", [[relaxed(0n)], [relaxed(1n)]]],
    [true, "with what only goes with them", [[epoch, relaxed(0n), snapshot]]],
    [false, "one that is not", [[relaxed(0n)], [append(1n)]]],
    [false, "with an offset", [[relaxed(0n)], [offset]]],
    [false, "with a group", [[relaxed(0n), group]]],
    [false, "without an append", [[snapshot]]],
    [false, "nothing", []]
  ]
  for (const [expected, what, units] of cases) {
    it(`${what}: ${expected}`, () => assert.strictEqual(isRelaxed(units), expected))
  }

  it.live("Postgres is told so for that transaction and no other, in the same round trip", () =>
    Effect.gen(function* () {
      yield* database.empty
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic])
      const psql = yield* database.psql()
      // Whatever is stored notes what its transaction's COMMIT will wait for.
      yield* psql.query(`
        create table public.told (id serial, kind text, setting text, transaction bigint);
        grant all on public.told to public;
        create function public.tell() returns trigger language plpgsql as $$ begin
          insert into public.told (kind, setting, transaction)
            values (tg_table_name, current_setting('synchronous_commit'), txid_current());
          return new;
        end $$;
        create trigger tell before insert on kafka.batches for each row execute function public.tell();
        create trigger tell before insert on kafka.offsets for each row execute function public.tell()`)
      yield* store.commit([[append(0n)]])
      yield* store.commit([[relaxed(1n)], [relaxed(2n)]])
      yield* store.commit([[append(3n)]])
      yield* store.commit([[relaxed(4n)], [append(5n)]])
      yield* store.commit([[relaxed(6n)], [offset]])
      const told = yield* psql.query(
        "select kind, setting, dense_rank() over (order by transaction) from public.told order by id"
      )
      assert.deepStrictEqual(
        told.map((row) => row.join(" ")),
        [
          "batches on 1",
          "batches off 2",
          "batches off 2",
          "batches on 3",
          "batches on 4",
          "batches on 4",
          "batches on 5",
          "offsets on 5"
        ]
      )
      const [read] = yield* store.read([{ partitionId: 1, from: 0n, maxBytes: 1 << 20 }], 1 << 20)
      assert.lengthOf(read!, 7)
    })
  )
})
