import * as Completions from "effect/cli/Completions"
import type { CommandDescriptor, FlagDescriptor } from "effect/cli/Completions"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const SHELLS = ["bash", "zsh", "fish"] as const

const text = (name: string, aliases: ReadonlyArray<string>, description: string): FlagDescriptor => {
  return { name, aliases, description, type: { _tag: "String" } }
}

const output: FlagDescriptor = {
  name: "output",
  aliases: [],
  description: "how rows are printed",
  type: { _tag: "Choice", values: ["table", "json", "plain"] }
}
const ofBrokers = [
  text("bootstrap-server", ["b"], "a broker to begin with"),
  text("timeout", [], "of an answer"),
  text("command-config", [], "a file with security.protocol, sasl.* and ssl.*"),
  text("command-property", [], "one line more of that file")
]

/** The commands that talk to brokers. */
const ASKING = new Set(["topic", "group", "produce", "consume", "config", "user", "acl"])

/** `effect/cli` completes a command's own flags alone. */
const withGlobalFlags = (command: CommandDescriptor, asks: boolean): CommandDescriptor => {
  const more = command.subcommands.length > 0 ? [] : asks ? [output, ...ofBrokers] : [output]
  return {
    ...command,
    flags: [...command.flags, ...more],
    subcommands: command.subcommands.map((each) => withGlobalFlags(each, asks || ASKING.has(each.name)))
  }
}

/** `--completions SHELL`: prints a script that completes commands and flags. */
export const completionsFlag = GlobalFlag.Action({
  flag: Flag.Literals("completions", SHELLS).pipe(
    Flag.withMetavar("SHELL"),
    Flag.withDescription("print a script that completes commands and flags"),
    Flag.optional
  ),
  run: (shell, { command }) =>
    Option.match(shell, {
      onNone: () => Effect.void,
      onSome: (name) =>
        Console.log(Completions.generate(command.name, name, withGlobalFlags(Completions.fromCommand(command), false)))
    })
})
