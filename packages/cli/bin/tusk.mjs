#!/usr/bin/env node
// Plain JavaScript that any Node can read: first it looks which Node runs it.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import module from "node:module"
import os from "node:os"
import { dirname, join, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { setFlagsFromString } from "node:v8"
import { compileCacheFolder } from "./compile-cache.mjs"

const NEEDED = [22, 19]

const isNewEnough = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])
}

/** The project's own Node, from the npm package `node`, if its install script ran. */
const ownNode = () => {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("node/package.json"))
    const binary = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node")
    return existsSync(binary) ? binary : undefined
  } catch {
    return undefined
  }
}

if (isNewEnough()) {
  const source = fileURLToPath(new URL("../src/main.ts", import.meta.url))
  // Record bytes lie outside V8's heap. Counted with all that the heap may grow to, they do not make V8 mark it after every
  // 64 MiB of them. A V8 that may not know the flag is left alone: it would complain.
  if (Number.parseFloat(process.versions.v8) >= 14.6) {
    setFlagsFromString("--external-memory-accounted-in-global-limit")
    // What a long poll leaves lives for half a second: old to V8, which would have it marked and swept where it dies.
    setFlagsFromString("--no-allocation-site-pretenuring")
  }
  // Batches are opened in libuv's threads, as many at a time as there are cores: a pool of four, its size if nobody names
  // one, would be all that a larger machine has. Twelve more, since a read or a flush of a file holds one and needs no core. It is
  // made at its first use.
  process.env.UV_THREADPOOL_SIZE ??= String(12 + Math.max(4, os.availableParallelism()))
  const isAsked = process.execArgv.some((each) => each.includes("tusk-source"))
  const isBuilt = existsSync(fileURLToPath(new URL("../dist/main.js", import.meta.url)))
  // A checkout, called by whatever name: its packages are read from their sources, also if somebody has built them once.
  // Below node_modules Node reads no TypeScript.
  const isCheckout = !isAsked && existsSync(source) && !source.split(sep).includes("node_modules")
  if (isCheckout) {
    const condition = "tusk-source"
    module.registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...context.conditions, condition] })
    })
  }
  const fromSource = isCheckout || (isAsked && existsSync(source))
  if (fromSource || isBuilt) {
    module.enableCompileCache?.(compileCacheFolder())
    const { main } = await import(fromSource ? "../src/main.ts" : "../dist/main.js")
    await main(process.argv.slice(2))
  } else {
    console.error("tusk: this package lacks what it is built to (dist); install it anew")
    process.exitCode = 1
  }
} else {
  const node = ownNode()
  if (node === undefined || process.env.TUSK_LAUNCHED !== undefined) {
    console.error(
      `tusk: needs Node ${NEEDED.join(".")} or later, this is ${process.versions.node}; run npm ci without --ignore-scripts, or install a newer Node`
    )
    process.exit(1)
  }
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, TUSK_LAUNCHED: "1" }
  })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
  child.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)))
}
