import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError, UsageError } from "../CliError.ts"
import { deleteCredentials, describeUsers, setPassword } from "@tusk/client/admin/Users"
import type { ScramCredential } from "@tusk/client/admin/Users"
import { ITERATIONS, SCRAM_MECHANISMS } from "@tusk/client/security/Scram"
import type { ScramMechanism } from "@tusk/client/security/Scram"
import { readSecret } from "../Files.ts"
import { lineBlocks } from "../terminal/Lines.ts"
import { note, printRows } from "../terminal/Printing.ts"
import { Streams } from "../terminal/Streams.ts"
import type { Column } from "../terminal/Table.ts"
import { brokerFlags, withClient } from "./CommonFlags.ts"
import { each } from "./each.ts"

const MECHANISMS = Object.keys(SCRAM_MECHANISMS) as ReadonlyArray<ScramMechanism>

const columns: ReadonlyArray<Column<ScramCredential>> = [
  { title: "USER", of: ({ user }) => user },
  { title: "MECHANISM", of: ({ mechanism }) => mechanism },
  { title: "ITERATIONS", of: ({ iterations }) => iterations, right: true }
]

const user = Argument.String("user")
const mechanisms = Flag.Literals("mechanism", MECHANISMS).pipe(
  Flag.withMetavar("MECHANISM"),
  Flag.withDescription("only this one (may be given several times)"),
  Flag.atLeast(0)
)
const passwordFile = Flag.String("password-file").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("where the password is (asked for on a terminal, else the first line of standard input)"),
  Flag.optional
)
const iterations = Flag.Int("iterations").pipe(
  Flag.withMetavar("N"),
  Flag.withDescription(`how dear a guess at the password is, ${ITERATIONS.least} to ${ITERATIONS.most}`),
  Flag.optional
)

/** A password that is typed has to be typed twice: nobody sees it. */
const typed = (name: string) =>
  Effect.gen(function* () {
    const { stdin } = yield* Streams
    const first = yield* stdin.secret(`New password of ${name}: `)
    const second = yield* stdin.secret("Once more: ")
    return first === second ? first : yield* new CliError({ message: "these are two passwords" })
  })

/** The first line of standard input. */
const piped = Effect.gen(function* () {
  const { stdin } = yield* Streams
  return yield* Effect.tryPromise({
    try: async () => {
      for await (const [line] of lineBlocks(stdin.chunks)) return Buffer.from(line!).toString("utf8").replace(/\r$/, "")
      return ""
    },
    catch: (error) => new CliError({ message: `standard input: ${(error as Error).message}` })
  })
})

/** A new password: never an argument, which `ps` would show. */
const newPassword = (name: string, file: Option.Option<string>) =>
  Effect.gen(function* () {
    const { stdin } = yield* Streams
    const read = Option.isSome(file) ? readSecret(file.value, "--password-file") : undefined
    if (read instanceof CliError) return yield* read
    const password = read ?? (yield* stdin.isTerminal ? typed(name) : piped)
    return password === "" ? yield* new CliError({ message: "the password is empty" }) : password
  })

const checkedIterations = (given: Option.Option<number>) =>
  Effect.gen(function* () {
    const number = Option.getOrUndefined(given)
    if (number === undefined || (number >= ITERATIONS.least && number <= ITERATIONS.most)) return number
    const range = `${ITERATIONS.least} to ${ITERATIONS.most}`
    return yield* new UsageError({ message: `--iterations ${number}: not from ${range}` })
  })

/** What a user has now; an error if there is no such user. */
const known = (name: string) =>
  Effect.gen(function* () {
    const credentials = yield* describeUsers([name])
    return credentials.length > 0 ? credentials : yield* new CliError({ message: `there is no user ${name}` })
  })

const list = Command.make(
  "list",
  { users: user.pipe(Argument.variadic()) },
  Effect.fn(function* ({ users }) {
    yield* printRows(columns, yield* describeUsers(users.length === 0 ? null : users))
  }, withClient)
).pipe(
  Command.withDescription("Lists users, and by what they log in; passwords are told by nobody"),
  Command.withExamples([{ command: "tusk user list" }])
)

const add = Command.make(
  "add",
  { user, mechanisms, iterations, passwordFile },
  Effect.fn(function* (given) {
    const number = (yield* checkedIterations(given.iterations)) ?? ITERATIONS.least
    const present = yield* describeUsers([given.user])
    const wanted = given.mechanisms.length === 0 ? MECHANISMS : given.mechanisms
    const twice = present.find(({ mechanism }) => wanted.includes(mechanism))
    if (twice !== undefined) {
      const how = "tusk user passwd sets another password"
      return yield* new CliError({ message: `user ${given.user} has ${twice.mechanism} already: ${how}` })
    }
    const password = yield* newPassword(given.user, given.passwordFile)
    const made = wanted.map((mechanism) => ({ user: given.user, mechanism, iterations: number }))
    yield* setPassword(given.user, password, made)
    yield* printRows(columns, made)
  }, withClient)
).pipe(
  Command.withDescription("Adds a user, who logs in by SCRAM; the broker is told a salted hash alone"),
  Command.withExamples([
    { command: "tusk user add alice", description: "Asks for the password" },
    { command: "tusk user add billing --mechanism SCRAM-SHA-512 --iterations 8192 --password-file billing.secret" }
  ])
)

const passwd = Command.make(
  "passwd",
  { user, iterations, passwordFile },
  Effect.fn(function* (given) {
    const number = yield* checkedIterations(given.iterations)
    const present = yield* known(given.user)
    const password = yield* newPassword(given.user, given.passwordFile)
    const changed = present.map((credential) => ({ ...credential, iterations: number ?? credential.iterations }))
    yield* setPassword(given.user, password, changed)
    yield* printRows(columns, changed)
  }, withClient)
).pipe(
  Command.withDescription("Sets another password of a user, for all mechanisms that the user has"),
  Command.withExamples([{ command: "tusk user passwd alice < new.secret" }])
)

const remove = Command.make(
  "remove",
  { users: user.pipe(Argument.atLeast(1)), mechanisms },
  Effect.fn(function* (given) {
    const removeOne = (name: string) =>
      Effect.gen(function* () {
        const present = yield* known(name)
        const gone = present.filter(
          ({ mechanism }) => given.mechanisms.length === 0 || given.mechanisms.includes(mechanism)
        )
        if (gone.length === 0) {
          return yield* new CliError({ message: `user ${name} does not have ${given.mechanisms.join(", ")}` })
        }
        yield* deleteCredentials(
          name,
          gone.map(({ mechanism }) => mechanism)
        )
        return gone
      })
    yield* each(given.users, removeOne, (gone) => printRows(columns, gone.flat()))
    yield* note("Connections that are open stay so until their session ends; ACLs stay.")
  }, withClient)
).pipe(
  Command.withDescription("Takes away what users log in by; their ACLs stay"),
  Command.withExamples([{ command: "tusk user remove alice", description: "It does not ask again" }])
)

/** `tusk user`. */
export const userCommand = Command.make("user").pipe(
  Command.withDescription("Users who log in by SCRAM, and their passwords"),
  Command.withSubcommands([list, add, passwd, remove]),
  Command.withGlobalFlags(brokerFlags)
)
