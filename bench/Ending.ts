import { spawn } from "node:child_process"

/** What a program has begun and has to end: brokers, servers, folders. */
export class Ending {
  #undo: Array<() => Promise<void>> = []

  /** From now on `undo` is run when the program ends: by itself, by a failure or by Ctrl-C. The last one first. */
  add(undo: () => unknown): void {
    this.#undo.push(async () => void (await undo()))
  }

  /** What is starting is stopped at the end, even where the program ends before it has started. */
  async stopping<A extends { readonly stop: () => Promise<unknown> }>(starting: Promise<A>): Promise<A> {
    this.add(async () => (await starting.catch(() => undefined))?.stop())
    return starting
  }

  /** Undoes all; what fails is printed, and does not keep the rest from it. */
  async run(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo()
      } catch (error) {
        console.error(error)
        process.exitCode = 1
      }
    }
  }
}

/**
 * Runs a program of this folder and ends the process: with 1 where it threw or a bar was missed (`process.exitCode`), with
 * 130 where it was interrupted. Whatever `ending` was given is undone before that.
 */
export const runBench = async (program: (ending: Ending) => Promise<void>): Promise<never> => {
  const ending = new Ending()
  const interrupted = Promise.withResolvers<"interrupted">()
  let goesOn = true
  void interrupted.promise.then(() => (goesOn = false))
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => interrupted.resolve("interrupted"))
  const how = await Promise.race([
    interrupted.promise,
    program(ending).then(
      () => "done" as const,
      (error: unknown) => {
        // Ctrl-C ends the programs that it waits for as well.
        if (goesOn) console.error(error)
        return "failed" as const
      }
    )
  ])
  await ending.run()
  if (how === "failed") process.exitCode = 1
  process.exit(how === "interrupted" ? 130 : process.exitCode)
}

/**
 * Has the machine write out what earlier work left in memory (`sync`), so that the next measurement does not pay for it;
 * nothing where there is no such program.
 */
export const settle = (): Promise<void> =>
  new Promise((resolve) => {
    const child = spawn("sync", { stdio: "ignore" })
    child.once("error", () => resolve())
    child.once("close", () => resolve())
  })
