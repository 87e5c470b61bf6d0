import * as Context from "effect/Context"
import type { Settings } from "./Settings.ts"

/** The broker's settings, as they were at start. */
export class BrokerSettings extends Context.Service<BrokerSettings, Settings>()("@tusk/server/config/BrokerSettings") {}
