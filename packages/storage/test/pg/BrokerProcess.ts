import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"
import type { Orders } from "./Broker.child.ts"

/** A broker's store in a process of its own, which can be stopped and killed. */
export interface BrokerProcess {
  readonly signal: (name: "SIGSTOP" | "SIGCONT" | "SIGKILL") => void
  /** The next line that it prints; fails once it has ended and all lines are read. */
  readonly line: Effect.Effect<string, unknown>
}

export const brokerProcess = (options: PgOptions, orders: Orders): Effect.Effect<BrokerProcess, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const lines = yield* Queue.unbounded<string, Error>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          process.execPath,
          [
            "--conditions=tusk-source",
            fileURLToPath(new URL("./Broker.child.ts", import.meta.url)),
            JSON.stringify(options),
            JSON.stringify(orders)
          ],
          { stdio: ["ignore", "pipe", "inherit"] }
        )
      ),
      (spawned) => Effect.sync(() => spawned.kill("SIGKILL"))
    )
    const output = createInterface(child.stdout)
    output.on("line", (line) => Queue.offerUnsafe(lines, line))
    output.on("close", () => Queue.failCauseUnsafe(lines, Cause.fail(new Error("the process has ended"))))
    return { signal: (name) => child.kill(name), line: Queue.take(lines) }
  })
