import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { pointed } from "../../src/port/pointed.ts"
import type { ObjectPointer, PointerReader } from "../../src/port/StoredBatch.ts"
import { StoreUnavailable } from "../../src/port/StoreError.ts"
import { Write } from "../../src/port/Write.ts"
import type { Replacement, Unit } from "../../src/port/Write.ts"
import { TOPIC, topicWith } from "../../src/testing/storeScenarios.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const PARTITIONS = [1, 2, 3]

/** The same numbers for the same seed. */
const chance = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Bytes that tell which batch they are. */
const records = (partitionId: number, baseOffset: bigint, bytes: number): Uint8Array => {
  const all = Buffer.alloc(bytes)
  all.writeInt32BE(partitionId, 0)
  all.writeBigInt64BE(baseOffset, 4)
  return all
}
const told = (batch: Uint8Array): string => {
  const view = Buffer.from(batch.buffer, batch.byteOffset, 12)
  return `${view.readInt32BE(0)}/${view.readBigInt64BE(4)}`
}

/** Objects that hold what lies in them now, and nothing of before. */
class Objects implements PointerReader {
  readonly held = new Map<string, Uint8Array>()
  readonly isNear = true
  asked = 0
  missed = 0
  #last = 0n

  put(bytes: Uint8Array): { readonly objectId: bigint; readonly position: number; readonly unit: Unit } {
    const objectId = ++this.#last
    this.held.set(`c/w/${objectId / 4n} ${objectId}`, bytes)
    const object = {
      name: `c/w/${objectId / 4n}`,
      objectId: objectId / 4n + 1n,
      bytes: 1,
      createdAt: 5n,
      merged: false
    }
    return { objectId: object.objectId, position: Number(objectId), unit: [Write.PutObject(object)] }
  }

  readonly resolve = (pointers: ReadonlyArray<ObjectPointer>) =>
    Effect.suspend(() => {
      this.asked++
      const found = pointers.map(({ name, position }) => this.held.get(`${name} ${position}`))
      if (found.every((bytes) => bytes !== undefined)) return Effect.succeed(found)
      this.missed++
      return Effect.fail(new StoreUnavailable({ message: "not there" }))
    })
}

interface Batch {
  readonly partitionId: number
  readonly baseOffset: bigint
  bytes: number
  objectId: bigint | null
}

/** Partitions of batches of all sizes, in rows and in objects, as chance has it. */
const world = Effect.gen(function* () {
  yield* database.empty
  const objects = new Objects()
  const store = pointed(yield* database.open(), objects)
  yield* store.acquire(NOTHING_TOLD)
  yield* store.commit([topicWith(TOPIC, "t", PARTITIONS)])
  const draw = chance(7)
  const batches: Array<Batch> = []
  for (const partitionId of PARTITIONS) {
    let [offset, cumulativeBytes] = [0n, 0n]
    for (let i = 0; i < 700; i++) {
      const isInObject = partitionId === 1 ? true : (i >> 5) % 3 < partitionId - 1
      const bytes = partitionId === 3 && i < 600 ? 20 : draw(10) === 0 ? 5000 + draw(5000) : 20 + draw(400)
      const lastOffset = offset + BigInt(draw(3))
      const data = records(partitionId, offset, bytes)
      const stored = isInObject ? objects.put(data) : undefined
      cumulativeBytes += BigInt(bytes)
      const append = Write.Append({
        partitionId,
        baseOffset: offset,
        lastOffset,
        leaderEpoch: 1,
        maxTimestamp: offset,
        timestampHigh: offset,
        cumulativeBytes,
        producerId: -1n,
        producerEpoch: -1,
        baseSequence: -1,
        records: data,
        ...(stored === undefined ? {} : { stored })
      })
      yield* store.commit([[...(stored?.unit ?? []), append]])
      batches.push({ partitionId, baseOffset: offset, bytes, objectId: stored?.objectId ?? null })
      offset = lastOffset + 1n + BigInt(draw(2))
    }
  }
  return { batches, draw, objects, psql: yield* database.psql(), store }
})

type World = Effect.Success<typeof world>

/** Reads at places and with limits of chance, beside what the database's own function says may be taken. */
const readAnywhere = Effect.fnUntraced(function* ({ draw, psql, store }: World) {
  const requests = Array.from({ length: 1 + draw(3) }, () => ({
    partitionId: PARTITIONS[draw(3)]!,
    from: BigInt(draw(1500)),
    maxBytes: [0, 1, 100, 3000, 20_000, 200_000][draw(6)]!
  }))
  const maxBytes = [0, 50, 3000, 30_000, 500_000][draw(5)]!
  const list = (of: (request: (typeof requests)[number]) => unknown, type: string) =>
    `array[${requests.map(of).join()}]::${type}[]`
  const rows = yield* psql.query(
    `select p.request, p.part || '/' || b.base_offset from kafka.plan_read(${list((r) => r.partitionId, "int")},
      ${list((r) => r.from, "bigint")}, ${list((r) => r.maxBytes, "bigint")}, ${maxBytes}) p
      join kafka.batches b on b.partition_id = p.part and b.base_offset between p.first_base and p.last_base
      order by p.request, b.base_offset`
  )
  const expected = requests.map((_, i) => rows.filter(([request]) => request === String(i)).map(([, batch]) => batch))
  const found = yield* store.read(requests, maxBytes)
  assert.deepStrictEqual([requests, maxBytes, found.map((each) => each.map(told))], [requests, maxBytes, expected])
})

const anywhere = (count: number, w: World) => Effect.forEach(Array.from({ length: count }), () => readAnywhere(w))

describe("reads of batches", () => {
  it.live(
    "take what fits, wherever bytes lie, also of rows that change between them",
    () =>
      Effect.gen(function* () {
        const w = yield* world
        const { batches, draw, objects, store } = w
        yield* anywhere(120, w)
        for (let round = 0; round < 12; round++) {
          const picked = batches[draw(batches.length)]!
          const { baseOffset, partitionId } = picked
          const data = records(partitionId, baseOffset, 60)
          // Nothing of before is there any more: who goes by what was known does not find it.
          const before = Array.from(objects.held).filter(([, bytes]) => told(bytes) === `${partitionId}/${baseOffset}`)
          const place = objects.put(data)
          const replacement: Replacement =
            draw(2) === 0 ? { baseOffset, records: data, stored: place } : { baseOffset, records: data }
          yield* store.commit([[...place.unit, Write.ReplaceBatches({ partitionId, batches: [replacement] })]])
          for (const [key] of before) objects.held.delete(key)
          yield* anywhere(10, w)
        }
        yield* store.commit([[Write.DeleteBatches({ partitionId: 1, below: 200n, limit: 1000 })]])
        yield* anywhere(40, w)
        assert.strictEqual(objects.missed, 0)
      }),
    60_000
  )

  it.live("are asked for anew where objects are not what was known of them", () =>
    Effect.gen(function* () {
      const w = yield* world
      const request = [{ partitionId: 1, from: 0n, maxBytes: 3000 }]
      const [before] = yield* w.store.read(request, 3000)
      assert.strictEqual(w.store.isNear!({ partitionId: 1, from: 5n }), true)
      // As another process might: the store is not told.
      yield* w.psql.query("update kafka.batches set object_position = object_position + 1000000 where partition_id = 1")
      for (const [key, bytes] of Array.from(w.objects.held)) {
        const [name, position] = key.split(" ")
        w.objects.held.delete(key)
        w.objects.held.set(`${name} ${Number(position) + 1_000_000}`, bytes)
      }
      assert.deepStrictEqual(yield* w.store.read(request, 3000), [before!])
      assert.strictEqual(w.objects.missed, 1)
      yield* w.psql.query("delete from kafka.batches where partition_id = 1")
      w.objects.held.clear()
      assert.deepStrictEqual(yield* w.store.read(request, 3000), [[]])
    })
  )
})
