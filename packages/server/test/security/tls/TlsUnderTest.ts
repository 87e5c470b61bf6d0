/** A broker with a listener that speaks TLS, and certificates for both ends. */
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Result from "effect/Result"
import type { ConnectionOptions } from "node:tls"
import { parseSettings } from "../../../src/config/Settings.ts"
import type { NamedSettings } from "../../../src/config/Settings.ts"
import { makeCertificate } from "../../../src/security/tls/selfSigned.ts"
import type { Pair, Subject } from "../../../src/security/tls/selfSigned.ts"
import type { ListenOptions } from "../../../src/Tusk.ts"
import { capturing, startBroker } from "../../BrokerUnderTest.ts"
import type { BrokerUnderTest, LogLine } from "../../BrokerUnderTest.ts"
import { WireClient } from "../../WireClient.ts"

export const authority = makeCertificate({ subject: [["CN", "test authority"]], isAuthority: true })
export const stranger = makeCertificate({ subject: [["CN", "another authority"]], isAuthority: true })

export const signed = (subject: Subject, issuer: Pair = authority): Pair =>
  makeCertificate({ subject, hosts: ["localhost", "127.0.0.1"], issuer: issuer.issuer })

export const ofServer = signed([["CN", "broker"]])

/** PEM inline. */
export const pemSettings = ({ certificate, key }: Pair = ofServer): NamedSettings => ({
  "ssl.keystore.type": "PEM",
  "ssl.keystore.certificate.chain": certificate,
  "ssl.keystore.key": key
})

export const mutual = (more: NamedSettings = {}): NamedSettings => ({
  ...pemSettings(),
  "ssl.truststore.certificates": authority.certificate,
  "ssl.client.auth": "required",
  ...more
})

export const SSL: ListenOptions = { name: "SSL", protocol: "SSL", host: "127.0.0.1", port: 0 }

export const parsed = (named: NamedSettings) =>
  Result.getOrThrow(
    parseSettings(Object.entries(named).map(([name, value]) => ({ name, value: String(value), origin: "test" })))
  ).settings

export interface TlsBroker extends AsyncDisposable {
  readonly broker: BrokerUnderTest
  readonly log: ReadonlyArray<LogLine>
  readonly connect: (options?: ConnectionOptions) => Promise<WireClient>
  /** Lines of a connection that ended: who spoke on it. */
  readonly principals: () => ReadonlyArray<unknown>
}

export const startTls = async (
  settings: NamedSettings,
  listeners: ReadonlyArray<ListenOptions> = [SSL]
): Promise<TlsBroker> => {
  const log: Array<LogLine> = []
  const around = Layer.merge(capturing(log), Layer.succeed(References.MinimumLogLevel, "Debug" as const))
  const broker = await startBroker(parsed(settings), { listeners, around })
  return {
    broker,
    log,
    connect: (options = {}) => WireClient.connectTls(broker.port, { ca: authority.certificate, ...options }),
    principals: () => log.filter(({ text }) => text === "connection is over").map(({ fields }) => fields["principal"]),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]()
  }
}

/** Certificate and key as a client shows them. */
export const shown = ({ certificate, key }: Pair): ConnectionOptions => ({ cert: certificate, key })
