import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import { createHash } from "node:crypto"
import { readFileSync, watch } from "node:fs"
import { dirname } from "node:path"
import type { SecureContextOptions } from "node:tls"
import { wireClock } from "../../request/WireClock.ts"
import type { ListenerTls } from "./TlsContext.ts"

/** Not every file system tells of changes: they are looked for so often all the same, in milliseconds. */
const LOOK_INTERVAL_MS = 30_000
/** A certificate and its key are two writes. */
const SETTLE_MS = 200

/** Of all that the files hold; one that cannot be read now counts as empty. */
const digestOf = (files: ReadonlyArray<string>): string => {
  const hash = createHash("sha256")
  for (const file of files) {
    try {
      const bytes = readFileSync(file)
      hash.update(`${bytes.length} `).update(bytes)
    } catch {
      hash.update("none ")
    }
  }
  return hash.digest("hex")
}

/** Calls when something happens in the folders of the files: Kubernetes changes a link beside them, not the files. */
const watching = (files: ReadonlyArray<string>, changed: () => void) =>
  Effect.forEach(
    new Set(files.map((file) => dirname(file))),
    (folder) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          try {
            return watch(folder, { persistent: false }, changed).on("error", () => {})
          } catch {
            return undefined
          }
        }),
        (watcher) => Effect.sync(() => watcher?.close())
      ),
    { discard: true }
  )

/** Reads a listener's files again when they change; what cannot be used is told, and what was there before stays. */
export const rereading = Effect.fnUntraced(function* (
  { files, listener, reread }: ListenerTls,
  use: (context: SecureContextOptions) => void
) {
  if (files.length === 0) return
  const clock = yield* wireClock
  const changes = yield* Queue.sliding<void>(1)
  let known = digestOf(files)
  yield* watching(files, () => Queue.offerUnsafe(changes, undefined))
  const look = Effect.suspend(() => {
    const digest = digestOf(files)
    if (digest === known) return Effect.void
    known = digest
    const read = reread()
    if (Result.isFailure(read)) {
      return Effect.logWarning(`the new key store is not used, the old one stays: ${read.failure}`)
    }
    use(read.success)
    return Effect.logInfo("the key store has changed: new connections get the new certificate")
  }).pipe(Effect.annotateLogs({ listener }))
  yield* Effect.timeoutOption(Queue.take(changes), LOOK_INTERVAL_MS).pipe(
    Effect.andThen(Effect.sleep(SETTLE_MS)),
    Effect.andThen(look),
    Effect.forever,
    Effect.provideService(Clock.Clock, clock),
    Effect.forkScoped
  )
})
