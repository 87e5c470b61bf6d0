import { Committer } from "@tusk/storage/commit/Committer"
import type { Participant } from "@tusk/storage/commit/Participant"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Plant } from "./Plant.ts"

/** An object counts as stored when it is sent. */
const commitBeforePut: Plant = {
  name: "commit-before-put",
  objects: (objects, view) => ({
    ...objects,
    put: (name, chunks) =>
      Effect.sync(() => {
        view.fork(Effect.ignore(objects.put(name, chunks)))
      }),
    grow:
      objects.grow &&
      ((name) =>
        Effect.map(objects.grow!(name), ({ append, close }) => ({
          append: (chunks) => Effect.sync(() => view.fork(Effect.ignore(append(chunks)))),
          close
        })))
  })
}

/** What no batch points to is removed at once: a failover may bring back what points to it. */
const deleteTooEarly: Plant = {
  name: "delete-too-early",
  store: (store) => {
    const { objects } = store
    if (objects === undefined) return store
    return {
      ...store,
      objects: { ...objects, unused: (_, limit) => objects.unused(BigInt(Number.MAX_SAFE_INTEGER), limit) }
    }
  }
}

/** The same, but for what it touches: others need not wait for it. */
const passable = <A>(participant: Participant<A>): Participant<A> => ({
  bytes: participant.bytes,
  prepare: participant.prepare,
  partitionIds: [],
  assemble: (writes) => participant.assemble(writes),
  retract: () => participant.retract(),
  settle: (error) => participant.settle(error),
  answer: () => participant.answer()
})

/** A batch whose object is stored goes before those whose objects are still on their way, of the same partition too. */
const pointerOutOfOrder: Plant = {
  name: "pointer-out-of-order",
  parts: {
    committer: Layer.effect(
      Committer,
      Effect.map(Committer, (committer) => ({
        ...committer,
        submit: (participant, timeoutMs) => committer.submit(passable(participant), timeoutMs),
        offer: (participant, done, timeoutMs) => committer.offer(passable(participant), done, timeoutMs)
      }))
    ).pipe(Layer.provideMerge(Committer.layer))
  }
}

/** Brokers that keep batches in objects in a wrong way. */
export const objectPlants: ReadonlyArray<Plant> = [commitBeforePut, deleteTooEarly, pointerOutOfOrder]
