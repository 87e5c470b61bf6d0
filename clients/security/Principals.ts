import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { Wire } from "../../bench/groups/Wire.ts"
import { USERS } from "./ApacheKafkaSecured.ts"

/**
 * Who asks: one for whom no rule counts; one who may do what the requests ask; one who may describe and no more; one to whom all is
 * denied, though it is allowed, too; one of whom no rule speaks, and who did not log in.
 */
export const PRINCIPALS = ["super", "allowed", "describer", "denied", "anonymous"] as const
export type Principal = (typeof PRINCIPALS)[number]

/** Where a broker listens for those who log in by PLAIN, and for those who do not. */
export interface Secured {
  readonly plaintext: string
  readonly sasl: string
}

/** A connection of the principal's. */
export const connectAs = async ({ plaintext, sasl }: Secured, principal: Principal): Promise<Wire> => {
  if (principal === "anonymous") return Wire.connect(plaintext)
  const wire = await Wire.connect(sasl)
  const { errorCode } = await wire.call(SaslHandshake, 1, { mechanism: "PLAIN" })
  const authBytes = new Uint8Array(Buffer.from(`\0${principal}\0${USERS[principal]}`))
  const answer = errorCode === 0 ? await wire.call(SaslAuthenticate, 2, { authBytes }) : { errorCode }
  if (answer.errorCode === 0) return wire
  wire.close()
  throw new Error(`${principal} cannot log in: error ${answer.errorCode}`)
}
