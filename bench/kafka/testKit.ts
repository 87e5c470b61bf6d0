/**
 * Prints the milliseconds that `start()` of `@tusk/test` takes after its import, in a process that did nothing else. With
 * the argument `secured`: with three users, rules and TLS.
 */
import { Tusk } from "@tusk/test"
import process from "node:process"

const secured = {
  users: Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`user-${i}`, "secret"])),
  acls: [{ principal: "User:user-0", operation: "all", topic: "*" }],
  superUsers: ["User:user-2"],
  tls: "self-signed"
} as const

const began = performance.now()
const kafka = await (process.argv.includes("secured") ? Tusk.start(secured) : Tusk.start())
const elapsed = performance.now() - began
await kafka.stop()
console.log(elapsed)
