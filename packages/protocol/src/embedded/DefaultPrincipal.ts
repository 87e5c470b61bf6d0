import { bool, field, string, struct, type Value } from "../codec/Declare.ts"
import { messageCodec } from "../codec/MessageCodec.ts"

/** Who asks: `type` (`User`) and name, and whether a delegation token says so. */
export const DefaultPrincipalData = struct("DefaultPrincipalData", {
  type: field(string),
  name: field(string),
  tokenAuthenticated: field(bool)
})
export interface DefaultPrincipalData extends Value<typeof DefaultPrincipalData> {}

/** A principal as brokers pass it on in an envelope, behind an int16 version (KIP-590). */
export const DefaultPrincipal = messageCodec(DefaultPrincipalData, { versions: "0", flexible: "0+" })
