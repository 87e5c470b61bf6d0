import { Committer } from "@tusk/storage/commit/Committer"
import type { Participant } from "@tusk/storage/commit/Participant"
import { Objects } from "@tusk/storage/log/objects/Objects"
import { Rewriting } from "@tusk/storage/log/rewriting/Rewriting"
import { Tiering } from "@tusk/storage/log/tiering/Tiering"
import * as Context from "effect/Context"
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

/** Whose puts are not waited for. */
const Unawaited = Context.Reference<boolean>("@tusk/simulation/Unawaited", { defaultValue: () => false })

/** Moving of old batches, with other objects and turns than those of the others that rewrite logs. */
const tieringWith = (
  put: (put: ReturnType<Objects["put"]>) => ReturnType<Objects["put"]>,
  change: (rewriting: Rewriting["Service"]) => Rewriting["Service"]
) =>
  Tiering.layerNoDeps.pipe(
    Layer.provide(Layer.effect(Rewriting, Effect.map(Rewriting, change))),
    Layer.provide(
      Layer.effect(
        Objects,
        Effect.map(Objects, (objects) => ({ ...objects, put: (...asked) => put(objects.put(...asked)) }))
      )
    ),
    Layer.provide(Rewriting.layer)
  )

/** A batch of a tiered topic leaves its row while its object is on its way. */
const tierBeforePut: Plant = {
  name: "tier-before-put",
  seed: 5,
  objects: (objects, view) => ({
    ...objects,
    put: (name, chunks) =>
      Effect.flatMap(Unawaited, (isUnawaited) =>
        isUnawaited
          ? Effect.sync(() => void view.fork(Effect.ignore(objects.put(name, chunks))))
          : objects.put(name, chunks)
      )
  }),
  parts: {
    tiering: tieringWith(
      (put) => Effect.provideService(put, Unawaited, true),
      (rewriting) => rewriting
    )
  }
}

/** How long an object takes in which what others do meanwhile is to be lost. */
const SLOW_MS = 150

/** Batches of a tiered topic move while others rewrite them: what was erased meanwhile comes back out of its object. */
const tierDropsNewer: Plant = {
  name: "tier-drops-newer",
  seed: 133,
  parts: {
    tiering: tieringWith(
      (put) => Effect.delay(put, SLOW_MS),
      (rewriting) => ({ ...rewriting, inTurn: (_, work) => work })
    )
  }
}

/** Brokers that keep batches in objects in a wrong way. */
export const objectPlants: ReadonlyArray<Plant> = [
  commitBeforePut,
  deleteTooEarly,
  pointerOutOfOrder,
  tierBeforePut,
  tierDropsNewer
]
