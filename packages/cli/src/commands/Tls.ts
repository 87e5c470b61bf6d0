import { selfSigned } from "@tusk/server/security/tls/selfSigned"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { CliError } from "../CliError.ts"
import { Streams } from "../terminal/Streams.ts"

/** Files that are there already are not written over: somebody may use them. */
const write = (file: string, text: string, mode: number): void => writeFileSync(file, text, { mode, flag: "wx" })

const make = (folder: string, hosts: ReadonlyArray<string>, days: number) =>
  Effect.try({
    try: () => {
      const { certificate, key } = selfSigned(hosts, days)
      mkdirSync(folder, { recursive: true })
      write(join(folder, "server.pem"), certificate + key, 0o600)
      write(join(folder, "ca.pem"), certificate, 0o644)
    },
    catch: (error) => {
      const { code, path } = error as NodeJS.ErrnoException
      return new CliError({
        message: `${path ?? folder}: ${code === "EEXIST" ? "it is there already" : (code ?? String(error))}`
      })
    }
  })

const usage = (folder: string, host: string): string => {
  const [server, authority] = [join(folder, "server.pem"), join(folder, "ca.pem")]
  return `${server} has a certificate and its key, for the broker; ${authority} is what clients trust.

the broker:
  tusk start --listen SSL://0.0.0.0:9093 --advertise SSL://${host}:9093 --set ssl.keystore.location=${server}

Java's clients, and kafka-topics.sh --command-config:
  security.protocol=SSL
  ssl.truststore.type=PEM
  ssl.truststore.location=${authority}

librdkafka's (kcat -X):
  security.protocol=SSL
  ssl.ca.location=${authority}
`
}

const selfSignedCommand = Command.make(
  "self-signed",
  {
    out: Flag.String("out").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription("where server.pem and ca.pem go (tusk-tls)"),
      Flag.withDefault("tusk-tls")
    ),
    host: Flag.String("host").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription(
        "a name or address that clients come by, beside localhost, 127.0.0.1 and ::1; again for more"
      ),
      Flag.atLeast(0)
    ),
    days: Flag.Int("days").pipe(Flag.withDescription("for how long it holds (365)"), Flag.withDefault(365))
  },
  Effect.fn(function* ({ days, host, out }) {
    if (days < 1 || days > 36_500) return yield* new CliError({ message: `--days ${days}: 1 to 36500` })
    const folder = resolve(out)
    yield* make(folder, host, days)
    const { stdout } = yield* Streams
    yield* stdout.write(usage(folder, host[0] ?? "localhost"))
  })
).pipe(
  Command.withDescription("Makes a certificate that signs itself, for trying TLS, and says what to do with it"),
  Command.withExamples([
    {
      command: "tusk tls self-signed --out tls --host kafka.example",
      description: "For clients of another machine, too"
    }
  ])
)

/** `tusk tls`. */
export const tlsCommand = Command.make("tls").pipe(
  Command.withDescription("Certificates for trying TLS"),
  Command.withSubcommands([selfSignedCommand])
)
