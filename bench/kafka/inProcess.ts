/** Prints the milliseconds that `start()` of the test broker takes after its import, in a process that did nothing else. */
import { start } from "@tusk/server/testing/TestBroker"

const began = performance.now()
const kafka = await start()
const elapsed = performance.now() - began
await kafka.stop()
console.log(elapsed)
