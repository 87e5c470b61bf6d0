import { AREAS } from "@tusk/storage/logging"
import type { Area } from "@tusk/storage/logging"
import * as Context from "effect/Context"
import type { LogLevel, Severity } from "effect/LogLevel"
import * as Level from "effect/LogLevel"

/** Kafka's name of the logger that gives its level to each that has none of its own. */
export const ROOT_LOGGER = "root"

/** As Kafka and log4j write them. */
const WRITTEN = {
  All: "ALL",
  Trace: "TRACE",
  Debug: "DEBUG",
  Info: "INFO",
  Warn: "WARN",
  Error: "ERROR",
  Fatal: "FATAL",
  None: "OFF"
} as const satisfies Readonly<Record<LogLevel, string>>

/** Levels that a logger can be given, by Kafka's names. */
const GIVEN = new Map<string, Severity>(
  (["Debug", "Error", "Fatal", "Info", "Trace", "Warn"] as const).map((level) => [WRITTEN[level], level])
)
/** The same, for people. */
export const LEVEL_NAMES = Array.from(GIVEN.keys()).join(", ")

/** The level of a logger of one area, `tusk.net`, or of all: in memory only, as in Kafka (KIP-412). */
export class LevelTable {
  #root: LogLevel
  /** Own levels, by the logger's name. */
  readonly #own = new Map<string, LogLevel>()
  #lowest: LogLevel
  #isDebugTold: boolean

  constructor(root: LogLevel) {
    this.#root = root
    this.#lowest = root
    this.#isDebugTold = !Level.isGreaterThan(root, "Debug")
  }

  /** Loggers with the levels that hold, as Kafka writes them. */
  all(): ReadonlyArray<readonly [logger: string, level: string]> {
    return [ROOT_LOGGER, ...AREAS.map(loggerOf)].map((name) => [name, WRITTEN[this.#levelOf(name)]])
  }

  has(logger: string): boolean {
    return logger === ROOT_LOGGER || AREAS.some((area) => loggerOf(area) === logger)
  }

  /** Of a logger that there is, to a level by Kafka's name. */
  set(logger: string, level: string): void {
    const given = GIVEN.get(level)!
    if (logger === ROOT_LOGGER) this.#root = given
    else this.#own.set(logger, given)
    this.#weigh()
  }

  /** The logger has the root's level from now on. */
  unset(logger: string): void {
    this.#own.delete(logger)
    this.#weigh()
  }

  /** Whether a line of the area is told. */
  tells(area: unknown, level: LogLevel): boolean {
    return !Level.isGreaterThan(this.#levelOf(`tusk.${String(area)}`), level)
  }

  /** Whether a line of any area is told at this level: then it is worth making one. */
  mayTell(level: LogLevel): boolean {
    // Asked with every commit.
    if (level === "Debug") return this.#isDebugTold
    return !Level.isGreaterThan(this.#lowest, level)
  }

  #levelOf(logger: string): LogLevel {
    return this.#own.get(logger) ?? this.#root
  }

  #weigh(): void {
    const levels = AREAS.map((area) => this.#levelOf(loggerOf(area)))
    this.#lowest = levels.reduce((low, level) => (Level.isGreaterThan(low, level) ? level : low), this.#root)
    this.#isDebugTold = !Level.isGreaterThan(this.#lowest, "Debug")
  }
}

const loggerOf = (area: Area): string => `tusk.${area}`

/** Whether a logger can be given a level of this name. */
export const isLevelName = (name: string): boolean => GIVEN.has(name)

/** The levels of the broker that this runs in; undefined where an app or a test keeps them itself. */
export const LogLevels = Context.Reference<LevelTable | undefined>("@tusk/server/config/LogLevels", {
  defaultValue: () => undefined
})
