import * as Command from "effect/cli/Command"
import { brokerFlags } from "./CommonFlags.ts"
import { changing } from "./group/Changing.ts"
import { reading } from "./group/Reading.ts"

/** `tusk group`. */
export const groupCommand = Command.make("group").pipe(
  Command.withDescription("Groups of all four kinds: members, offsets and lag; other offsets"),
  Command.withSubcommands([...reading, ...changing]),
  Command.withGlobalFlags(brokerFlags)
)
