/**
 * `TEST_STORAGE=object` before a test run: brokers under test keep topics in objects unless they say otherwise. Tests that
 * look at what is stored, and not at what is answered, may fail so.
 */
import { makeMemoryObjectStore, MemoryObjects } from "@tusk/storage/object/memory/MemoryObjectStore"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import * as Layer from "effect/Layer"
import process from "node:process"
import type { Settings } from "../src/config/Settings.ts"

const isAsked = process.env["TEST_STORAGE"] === "object"

/** Outlives every broker of a test file. */
const objects = new MemoryObjects()

export const objectTopics = (settings: Settings): Settings => {
  const name = "tusk.log.storage"
  if (!isAsked || settings.given.has(name)) return settings
  const given = new Map(settings.given).set(name, { name, value: "object", origin: "test" })
  return { ...settings, logStorage: "object", objectMergeIntervalMs: 100, given }
}

export const objectStore = isAsked
  ? Layer.succeed(ObjectStore, makeMemoryObjectStore(objects, { maxBytes: 1 << 28 }))
  : Layer.empty
