import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
const N = 300000
const t = (name, f) => { for (let r = 0; r < 3; r++) { const a = process.hrtime.bigint(); f(); const ns = Number(process.hrtime.bigint() - a) / N; if (r === 2) console.log(name, ns.toFixed(0), "ns") } }
// suspend/resume: fiber waits for callback N times
t("suspend+resume", () => {
  let resume
  const wait = Effect.callback((r) => { resume = r })
  const fiber = Effect.runFork(Effect.gen(function* () { for (let i = 0; i < N; i++) yield* wait }))
  for (let i = 0; i < N; i++) resume(Effect.void)
})
t("gen yield void", () => { Effect.runFork(Effect.gen(function* () { for (let i = 0; i < N; i++) yield* Effect.suspend(() => Effect.void) })) })
t("runFork sync", () => { for (let i = 0; i < N; i++) Effect.runFork(Effect.sync(() => 1)) })
t("runFork callback+resume", () => { let resume; const wait = Effect.callback((r) => { resume = r }); for (let i = 0; i < N; i++) { Effect.runFork(wait); resume(Effect.void) } })
const scope = Scope.makeUnsafe()
t("forkIn callback+resume", () => { let resume; const wait = Effect.callback((r) => { resume = r });
  Effect.runFork(Effect.gen(function* () { for (let i = 0; i < N; i++) { yield* Effect.forkIn(wait, scope, { startImmediately: true }); resume(Effect.void) } })) })
t("forkChild callback+resume", () => { let resume; const wait = Effect.callback((r) => { resume = r });
  Effect.runFork(Effect.gen(function* () { for (let i = 0; i < N; i++) { yield* Effect.forkChild(wait, { startImmediately: true }); resume(Effect.void) } })) })
