import { collectorDefaults, mergeDefaults, objectDefaults, pgDefaults } from "@tusk/storage/defaults"
import { number, secret, text, word } from "./SettingKinds.ts"

const MIB = 1024 * 1024
const GIB = 1024 * MIB

/** Where the bytes of topics lie, and how they get there: see docs/objects.md. */
export const objectSettingDefinitions = {
  // tusk.storage is the flag of a start that says what the broker keeps all of it in.
  logStorage: word(
    "tusk.log.storage",
    "row",
    ["row", "object"],
    "Where the batches of topics lie whose tusk.storage does not say otherwise: in rows of the database, or in objects of tusk.object.store, to which rows point."
  ),
  objectStore: text(
    "tusk.object.store",
    "The store of objects: file:///path, or s3://bucket/prefix with ?endpoint=https://host:port, region and path-style=true if it is not AWS's. None: no topic is kept in objects."
  ),
  objectS3AccessKeyId: text(
    "tusk.object.s3.access.key.id",
    "Whose key signs requests to a store of s3://. None: credentials are found as AWS's tools find them: environment, profiles, web identity, containers, the machine."
  ),
  objectS3SecretAccessKey: secret("tusk.object.s3.secret.access.key", "The secret of tusk.object.s3.access.key.id."),
  objectLingerMs: number(
    "tusk.object.linger.ms",
    "INT",
    objectDefaults.lingerMs,
    { min: -1, max: 60_000 },
    "How long a batch waits for others to go into one object with; -1: 250. In a local store it waits for the append before it, and no longer."
  ),
  objectMaxBytes: number(
    "tusk.object.max.bytes",
    "INT",
    objectDefaults.maxBytes,
    { min: 64 * 1024, max: GIB },
    "Bytes of batches after which an object takes no more. One request may be larger."
  ),
  objectUploads: number(
    "tusk.object.uploads",
    "INT",
    objectDefaults.uploads,
    { min: 1, max: 1000 },
    "Objects of batches that are put at a time. In a local store it is one, to which they are appended."
  ),
  objectCacheBytes: number(
    "tusk.object.cache.bytes",
    "LONG",
    64 * MIB,
    { min: 0 },
    "Memory for what was read of objects; nothing of a local store is kept."
  ),
  objectCachePath: text(
    "tusk.object.cache.path",
    "A folder for what was read of objects and memory has no room for. None: nothing is kept on a disk."
  ),
  objectCacheDiskBytes: number(
    "tusk.object.cache.disk.bytes",
    "LONG",
    10 * GIB,
    { min: 0 },
    "Bytes in tusk.object.cache.path at most."
  ),
  objectCachePointers: number(
    "tusk.object.cache.pointers",
    "INT",
    pgDefaults.cachedPointers,
    { min: 0, max: 100_000_000 },
    "Batches of which memory keeps where in objects they lie, some 130 bytes each: who reads on asks the database for no row of them."
  ),
  objectMergeBytes: number(
    "tusk.object.merge.bytes",
    "INT",
    mergeDefaults.bytes,
    { min: 64 * 1024, max: GIB },
    "Bytes, about, of an object into which what lies in small ones is put, in order of partitions and offsets. So many are held in memory meanwhile."
  ),
  objectMergeIntervalMs: number(
    "tusk.object.merge.interval.ms",
    "LONG",
    mergeDefaults.intervalMs,
    { min: 100 },
    "How often objects are looked for that may be merged, and how old one is at least that is."
  ),
  objectDeleteDelayMs: number(
    "tusk.object.delete.delay.ms",
    "LONG",
    collectorDefaults.deleteDelayMs,
    { min: 0 },
    "From the commit after which no batch points to an object, until it is removed from the store. Longer than the oldest backup is old that one would restore."
  ),
  objectCollectIntervalMs: number(
    "tusk.object.collect.interval.ms",
    "LONG",
    collectorDefaults.intervalMs,
    { min: 100 },
    "How often objects are looked for that may be removed."
  )
}
