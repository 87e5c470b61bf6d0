/** Prints the milliseconds that `Tusk.start()` takes after its import, in a process that did nothing else. */
import { Tusk } from "@tusk/server/testing/TestBroker"

const began = performance.now()
const kafka = await Tusk.start()
const elapsed = performance.now() - began
await kafka.stop()
console.log(elapsed)
