import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** A random UUID in Kafka's text form: 16 bytes as base64url, 22 characters. Never one that starts with "-" (as Kafka). */
export const randomUuid: Effect.Effect<string> = Effect.gen(function* () {
  while (true) {
    const bytes = Buffer.alloc(16)
    for (let i = 0; i < 16; i++) bytes[i] = yield* Random.nextIntBetween(0, 256)
    // version 4, variant 2
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const text = bytes.toString("base64url")
    if (!text.startsWith("-")) return text
  }
})
