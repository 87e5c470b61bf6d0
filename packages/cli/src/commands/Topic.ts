import * as Command from "effect/cli/Command"
import { brokerFlags } from "./CommonFlags.ts"
import { changing } from "./topic/Changing.ts"
import { reading } from "./topic/Reading.ts"

/** `tusk topic`. */
export const topicCommand = Command.make("topic").pipe(
  Command.withDescription("Topics: what there is, making and changing them, their offsets"),
  Command.withSubcommands([...reading, ...changing]),
  Command.withGlobalFlags(brokerFlags)
)
